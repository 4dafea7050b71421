// pannier lease
#include <cstdio>
#include <vector>

#include "client/cli/child.h"
#include "client/cli/command.h"
#include "client/cli/json_value.h"
#include "client/cli/value_form.h"

namespace pannier::cli {

namespace {

struct Given {
  KeyArguments where;
  LeaseOptions options;
  InputForm form;
  PutOptions put;
  std::vector<std::string> command;
};

// The value for whoever asked: the same output whether it was there or has just been computed.
void print_found(Session& session, std::string_view packed, bool is_stale) {
  if (session.json())
    return session.print_json({{"value", to_json(packed)}, {"stale", is_stale}, {"token", nullptr}});
  print_value(session, packed, {});
}

void print_nothing_found(Session& session) {
  session.finish(ExitCode::kMiss);
  if (session.json()) return session.print_json({{"value", nullptr}, {"stale", false}, {"token", nullptr}});
  std::fputs("pannier: somebody else is computing the value, and the wait is over\n", stderr);
}

// Without a COMMAND: there is nothing to compute with, so the lease ends with this process.
void report_grant(Session& session, const LeaseResult<std::string>& found) {
  if (!found.value) session.finish(ExitCode::kMiss);
  const auto token = found.lease->token();
  if (session.json()) {
    return session.print_json(
        {{"value", found.value ? to_json(*found.value) : nullptr}, {"stale", found.stale}, {"token", token}});
  }
  if (found.value) print_value(session, *found.value, {});
  std::fprintf(stderr, "pannier: granted, token %ju; the lease ends now, with the connection\n",
               static_cast<std::uintmax_t>(token));
}

std::string without_last_newline(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// If the command fails, the lease is released when it goes out of scope.
void compute(Session& session, const Given& given, Lease lease) {
  auto output = output_of(given.command);
  if (!given.form.is_raw && !given.form.is_bin) output = without_last_newline(std::move(output));
  const auto packed = packed_of(output, given.form);
  const bool is_stored = lease.put_raw(packed, given.put).has_value();
  print_found(session, packed, false);
  if (is_stored) return;
  session.finish(ExitCode::kMiss);
  std::fputs(
      "pannier: the value was not stored: the lease had ended (--lease sets for how long it is granted)\n",
      stderr);
}

void lease(Session& session, const Given& given) {
  auto found = session.client().lease_raw(given.where.cache, given.where.key, given.options);
  if (found.lease && !given.command.empty()) return compute(session, given, *std::move(found.lease));
  if (found.lease) return report_grant(session, found);
  if (found.value) return print_found(session, *found.value, found.stale);
  print_nothing_found(session);
}

}  // namespace

void add_lease(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.cache_and_key(given->where);
  arguments.duration("--lease", given->options.duration, "For how long the lease is granted [10s]");
  arguments.duration("--wait", given->options.wait,
                     "How long to wait while somebody else computes; 0: not at all [as --lease]");
  arguments.ttl(given->put.ttl);
  arguments.duration("--stale", given->put.stale, "How long after its deadline lease may still answer it");
  add_input_form(arguments, given->form);
  arguments.optional("COMMAND", given->command, "After --: computes the value, prints it, and exits with 0");
  arguments.help(
      R"(Prints the value if it is there. If not, one caller on the host runs COMMAND, stores what it printed and
prints it too (text without its last newline; --json-value, --raw and --bin say what else it is). Everyone else
waits for that value. If COMMAND fails, the next one who waits runs its own; exit code 5.

A lease ends with the connection it was granted on. Without a COMMAND this only tells that it was granted, on
standard error, and gives it up; exit code 1.

Example:
  pannier lease lru report:7 --ttl 1h --lease 30s -- ./make-report 7)");
  arguments.run([&session, given] { lease(session, *given); });
}

}  // namespace pannier::cli
