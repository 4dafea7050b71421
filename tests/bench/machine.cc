#include "tests/bench/machine.h"

#include <sys/utsname.h>

#include <cstdio>
#include <ctime>
#include <fstream>
#include <string_view>
#include <thread>

#include "tests/bench/peers.h"

namespace pannier::bench {
namespace {

/// The first line that a command prints; empty if there is none.
std::string first_line(const std::string& command) {
  std::FILE* const output = ::popen(command.c_str(), "r");
  if (output == nullptr) return "";
  char line[256] = "";
  if (std::fgets(line, sizeof line, output) == nullptr) line[0] = '\0';
  ::pclose(output);
  const std::string_view text(line);
  return std::string(text.substr(0, text.find('\n')));
}

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

std::string kernel() {
  utsname name{};
  ::uname(&name);
  return std::string(name.sysname) + ' ' + name.release + ' ' + name.machine;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> machine_facts(const std::string& pannierd) {
  return {{"date", today()},
          {"processor", processor_name()},
          {"processors", std::to_string(std::thread::hardware_concurrency())},
          {"kernel", kernel()},
          {"pannier", first_line("'" + pannierd_path(pannierd) + "' --version")},
          {"redis", first_line("redis-server --version")},
          {"memcached", first_line("memcached --version")}};
}

}  // namespace pannier::bench
