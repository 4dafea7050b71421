// Dice: random numbers of a run that can be repeated by its seed ($PANNIER_MODEL_SEED).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace pannier::storage {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  static std::uint64_t seed() {
    if (const char* given = std::getenv("PANNIER_MODEL_SEED")) return std::strtoull(given, nullptr, 10);
    return std::random_device{}();
  }

  /// 0 to `bound` - 1.
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }
  std::string key(std::uint64_t keys) {
    return std::string(1, "abc"[below(3)]) + std::to_string(below(keys));
  }
  /// One letter, so that what is not all of one value shows.
  std::string value(std::uint64_t bytes_max) { return value(0, bytes_max); }
  std::string value(std::uint64_t bytes_min, std::uint64_t bytes_max) {
    const std::uint64_t bytes = bytes_min + below(bytes_max - bytes_min + 1);
    return std::string(bytes, static_cast<char>('a' + below(26)));
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace pannier::storage
