#include "tests/bench/program.h"

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace pannier::bench {

Program::Program(std::string name, const std::string& what, const std::string& example)
    : name_(std::move(name)), app_(what, name_ + "_bench") {
  app_.footer("Example: " + example);
  app_.add_option("--json", json_path_, "Add the results to this file, under \"" + name_ + "\"")
      ->type_name("FILE");
}

int Program::run(int argc, char** argv, const std::function<void(nlohmann::json&)>& work) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app_.exit(error) == 0 ? 0 : 2;
  }
  try {
    nlohmann::json results;
    work(results);
    progress("");
    if (!json_path_.empty()) write(results);
    return 0;
  } catch (const std::exception& error) {
    progress("");
    std::fprintf(stderr, "%s_bench: %s\n", name_.c_str(), error.what());
    return 1;
  }
}

void Program::write(const nlohmann::json& results) const {
  nlohmann::json all = nlohmann::json::object();
  if (std::ifstream present(json_path_); present) all = nlohmann::json::parse(present);
  all[name_] = results;
  std::ofstream out(json_path_);
  out << all.dump(2) << '\n';
  if (!out.flush()) throw std::runtime_error("cannot write " + json_path_);
}

void progress(const std::string& text) {
  static const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
  if (is_terminal) std::fprintf(stderr, "\r\033[K%s", text.c_str());
}

std::string verdict(bool is_met) { return is_met ? "ok" : "short"; }

}  // namespace pannier::bench
