#include "client/cli/program.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "client/cli/arguments.h"
#include "client/cli/command.h"
#include "client/cli/completion.h"
#include "client/cli/explain.h"
#include "client/cli/session.h"

namespace pannier::cli {

namespace {

constexpr const char* kFooter = R"(Examples:
  pannier put lru greeting hello --ttl 5m
  pannier get lru greeting
  pannier info

The caches lru, ttl and durable are there from the start. An argument that begins with - goes after --.
Durations are whole numbers with units: 500ms, 30s, 5m, 1h30m, 7d.

Exit codes:
  0  done; for get, delete, touch and the like: it was there
  1  a miss, a condition that did not hold, or nothing to do
  2  the command line or a value on it is wrong
  3  the daemon answered with an error
  4  cannot connect, the connection ended, or time ran out
  5  a file, standard output, or the COMMAND of lease failed
  6  backed up, but what the daemon could not read is missing)";

void add_global_options(CLI::App& app, Session& session) {
  auto& options = session.options();
  app.add_option("--socket", options.socket,
                 "The daemon's socket [$PANNIER_SOCKET, else /run/pannier/pannier.sock]")
      ->type_name("PATH");
  Arguments(app).duration("--timeout", options.timeout,
                          "How long to wait for an answer [5s; 1m where the disk is waited for]");
  app.add_flag("--json", options.json, "Print results as JSON, one object a line");
}

void add_commands(CLI::App& app, Session& session) {
  for (const auto& command : commands()) {
    auto* subcommand = app.add_subcommand(command.name, command.summary);
    subcommand->fallthrough();
    Arguments arguments(*subcommand);
    command.add(arguments, session);
  }
  app.require_subcommand(1);
}

ExitCode fail(ExitCode code, const std::string& text) {
  std::fprintf(stderr, "pannier: %s\n", text.c_str());
  return code;
}

/// What is wrong with the command line, and whose --help says what would be right.
std::string usage_fault(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const auto strange = app.remaining();
  const std::string command = chosen.empty() ? "pannier" : "pannier " + chosen.front()->get_name();
  std::string what = error.what();
  if (chosen.empty() && !strange.empty()) {
    const bool is_option = strange.front().starts_with("-");
    what = (is_option ? "there is no option " : "there is no subcommand ") + strange.front();
  }
  return command + ": " + what + "\nRun " + command + " --help for more information.\n";
}

void print_completion(const CLI::App& app, Session& session, const std::vector<std::string>& words) {
  session.print(text_of(complete(app, words, cache_names_at)));
  session.flush();
}

}  // namespace

ExitCode run(int argc, char** argv) {
  CLI::App app("Stores and reads values in the caches of pannierd.", "pannier");
  Session session;
  app.footer(kFooter);
  app.get_formatter()->label("Excludes", "not with");
  app.get_formatter()->label("REQUIRED", "");
  app.set_version_flag("--version", "pannier " + std::string(library_version()));
  add_global_options(app, session);
  add_commands(app, session);
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (!words.empty() && words.front() == kCompleteWord) {
      print_completion(app, session, {words.begin() + 1, words.end()});
      return ExitCode::kOk;
    }
    app.parse(argc, argv);
    session.flush();
    return session.exit_code();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) {
      std::fputs(usage_fault(app, error).c_str(), stderr);
      return ExitCode::kUsage;
    }
    app.exit(error);  // prints what --help or --version asks for
    return ExitCode::kOk;
  } catch (const Failed& failed) {
    return fail(failed.code(), failed.what());
  } catch (const Error& error) {
    return fail(exit_code_of(error), explained(error, session.options().socket));
  }
}

}  // namespace pannier::cli
