// HotKeys: which keys are used most, from a sample of all hits, over the socket and out of shared memory
// alike. Its memory is bounded whatever keys there are: SpaceSaving::kPlaces of them at most kKeyBytesMax
// bytes long, of all caches together. Keys that are longer are not sampled.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/space_saving.h"
#include "storage/types.h"

namespace pannier::daemon {

class HotKeys {
 public:
  /// Of so many hits one is sampled, by chance.
  static constexpr std::uint64_t kHitsASample = 64;
  static constexpr std::size_t kKeyBytesMax = 255;

  struct Used {
    std::string key;
    std::uint64_t hits;      ///< about so many lately, and not more but by chance
    std::uint64_t hits_min;  ///< and not fewer
  };

  /// A hit.
  void hit(storage::CacheId cache, std::string_view key) {
    if (--left_ == 0) sample(cache, key);
  }
  /// Of kHitsASample hits this one was chosen by somebody else.
  void sampled(storage::CacheId cache, std::string_view key);
  /// Of one cache, those with the most hits first.
  std::vector<Used> most_used(storage::CacheId cache, std::size_t count) const;

 private:
  void sample(storage::CacheId cache, std::string_view key);

  SpaceSaving sketch_;
  std::string of_cache_;               ///< the key that is sampled, as the sketch has it; its memory is kept
  std::uint64_t left_ = kHitsASample;  ///< until the next sample
  std::uint64_t random_ = 0x9e3779b97f4a7c15;
};

}  // namespace pannier::daemon
