// pannier put
#include <unistd.h>

#include <cstdio>

#include "client/cli/command.h"
#include "client/cli/value_form.h"

namespace pannier::cli {

namespace {

struct Given {
  KeyArguments where;
  std::optional<std::string> value;
  std::string file;
  InputForm form;
  bool if_absent = false;
  bool if_present = false;
  std::optional<std::uint64_t> if_version;
  PutOptions options;
};

std::string bytes_of(const Given& given) {
  if (given.value) return *given.value;
  if (!given.file.empty()) return read_file(given.file);
  if (::isatty(STDIN_FILENO)) {
    throw Failed(ExitCode::kUsage, "put needs a VALUE, --file PATH, or something on standard input");
  }
  return read_file("-");
}

Condition condition_of(const Given& given) {
  if (given.if_absent) return IfAbsent{};
  if (given.if_present) return IfPresent{};
  if (given.if_version) return IfVersion{*given.if_version};
  return Always{};
}

void put(Session& session, const Given& given) {
  auto options = given.options;
  options.condition = condition_of(given);
  const auto packed = packed_of(bytes_of(given), given.form);
  const auto version = session.client().put_raw(given.where.cache, given.where.key, packed, options);
  session.finish_if(version.has_value());
  if (session.json()) {
    session.print_json({{"version", version ? JsonText(*version) : nullptr}});
  } else if (!version) {
    std::fputs("pannier: not written: the condition did not hold, or the lease is over\n", stderr);
  }
}

void add_conditions(Arguments& arguments, Given& given) {
  arguments.flag("--if-absent", given.if_absent, "Only if there is no entry");
  arguments.flag("--if-present", given.if_present, "Only if there is an entry");
  arguments.count("--if-version", given.if_version, "VERSION", "Only if the entry has this version");
  arguments.exclusive({"--if-absent", "--if-present", "--if-version"});
}

}  // namespace

void add_put(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.cache_and_key(given->where);
  arguments.optional("VALUE", given->value, "The value; left out: from --file or standard input");
  arguments.text("--file", given->file, "PATH", "Read the value from a file; -: standard input");
  arguments.exclusive({"VALUE", "--file"});
  add_input_form(arguments, given->form);
  arguments.ttl(given->options.ttl);
  arguments.flag("--keep-ttl", given->options.keep_ttl, "Keep the deadline of an entry that is there");
  arguments.duration("--stale", given->options.stale,
                     "How long after its deadline lease may still answer it");
  add_conditions(arguments, *given);
  arguments.count("--lease", given->options.lease, "TOKEN", "Only while this is the key's lease; ends it");
  arguments.flag("--sync", given->options.sync, "Wait until it is on disk (tier durable)");
  arguments.help(
      R"(Text is stored as a str, or as a bin if it is not UTF-8. Prints nothing; with --json, the version.

Examples:
  pannier put lru greeting hello --ttl 5m
  pannier put lru user:7 --json-value '{"name": "Ada"}'
  pannier put lru picture --bin --file picture.png
  date | pannier put durable started --if-absent --sync)");
  arguments.run([&session, given] { put(session, *given); });
}

}  // namespace pannier::cli
