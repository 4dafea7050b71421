// SpaceSaving finds the most frequent keys of a stream in bounded memory: A. Metwally, D. Agrawal, A. El
// Abbadi, "Efficient computation of frequent and top-k elements in data streams", ICDT 2005. It keeps
// counters for as many keys as it has places; a key that has none takes the place of another, and goes on
// from its count. That is one with at most the average count here, not the one with the lowest, because it is
// found at once. So a count is above the truth by at most `error`, which is at most the average, and a key
// that has come to more than the average keeps its place.
//
// It forgets: when kNotedMax were noted, all counts are halved, so that it tells of late. Thread safety:
// none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pannier::daemon {

class SpaceSaving {
 public:
  SpaceSaving() = default;
  SpaceSaving(const SpaceSaving&) = delete;
  SpaceSaving& operator=(const SpaceSaving&) = delete;

  static constexpr std::size_t kPlaces = 1'024;
  static constexpr std::uint64_t kNotedMax = std::uint64_t{1} << 17;

  struct Place {
    std::string key;
    std::uint64_t count = 0;
    std::uint64_t error = 0;  ///< the true count is not below count - error
  };

  void note(std::string_view key);
  /// In no order.
  const std::vector<Place>& places() const { return places_; }

 private:
  void halve();
  /// A place with at most the average count.
  std::size_t replaceable() const;

  std::vector<Place> places_;
  std::unordered_map<std::string_view, std::size_t> by_key_;  ///< views into the places, which do not move
  std::uint64_t noted_ = 0;
};

}  // namespace pannier::daemon
