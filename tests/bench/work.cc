#include "tests/bench/work.h"

#include <chrono>
#include <string>

namespace pannier::bench {

std::string_view value_of(std::size_t bytes) {
  static const std::string value(kValueBytesMax, 'v');
  return std::string_view(value).substr(0, bytes);
}

std::int64_t wall_now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace pannier::bench
