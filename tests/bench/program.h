// Program: what all benchmarks have in common: --help with an example, --json FILE, progress on a terminal,
// and an exit code of 0 for every run that came to its end, whether its targets were met or not.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace pannier::bench {

class Program {
 public:
  /// `name` is the one in --json FILE; `example` is a whole command line.
  Program(std::string name, const std::string& what, const std::string& example);

  CLI::App& options() { return app_; }
  /// Reads the command line, then does the work, and writes what it put into `results`. The exit code: 0; 1
  /// if something failed, which is told; 2 for a wrong command line.
  int run(int argc, char** argv, const std::function<void(nlohmann::json& results)>& work);

 private:
  /// Adds the results to the file, which may hold those of other benchmarks.
  void write(const nlohmann::json& results) const;

  std::string name_;
  CLI::App app_;
  std::string json_path_;
};

/// One line on standard error that the next one replaces; nothing where that is no terminal. Empty: takes it
/// away.
void progress(const std::string& text);

/// "ok" or "short": whether a target was met.
std::string verdict(bool is_met);

}  // namespace pannier::bench
