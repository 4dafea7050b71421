#include "daemon/hot_keys.h"

#include <algorithm>

namespace pannier::daemon {

namespace {

/// What a key of a cache begins with as a key of the sketch.
std::string_view prefix_of(const storage::CacheId& cache) {
  return {reinterpret_cast<const char*>(&cache), sizeof cache};
}

}  // namespace

void HotKeys::sample(storage::CacheId cache, std::string_view key) {
  // xorshift64 (G. Marsaglia, 2003): keys that come in a cycle must not meet samples that come in one.
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  left_ = 1 + random_ % (2 * kHitsASample - 1);
  sampled(cache, key);
}

void HotKeys::sampled(storage::CacheId cache, std::string_view key) {
  if (key.size() > kKeyBytesMax) return;
  of_cache_.assign(prefix_of(cache)).append(key);
  sketch_.note(of_cache_);
}

std::vector<HotKeys::Used> HotKeys::most_used(storage::CacheId cache, std::size_t count) const {
  const std::string_view prefix = prefix_of(cache);
  std::vector<Used> used;
  for (const auto& place : sketch_.places()) {
    if (!place.key.starts_with(prefix) || place.count == 0) continue;
    used.push_back({place.key.substr(prefix.size()), place.count * kHitsASample,
                    (place.count - place.error) * kHitsASample});
  }
  std::ranges::sort(used, std::ranges::greater(), &Used::hits);
  if (used.size() > count) used.resize(count);
  return used;
}

}  // namespace pannier::daemon
