// KeyList: how the methods for many keys take them. It converts from {"a", "b"}, and from any range whose
// elements are strings (std::vector<std::string>, std::set<std::string_view>, std::span<const std::string>).
// It only views the keys: they must outlive the call it is passed to. PackedEntries is the same for keys with
// values.
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <ranges>
#include <string_view>
#include <utility>
#include <vector>

namespace pannier {

class KeyList {
 public:
  KeyList(std::initializer_list<std::string_view> keys) : keys_(keys) {}

  template <std::ranges::input_range Range>
  requires std::convertible_to<std::ranges::range_reference_t<const Range>, std::string_view> KeyList(
      const Range& keys)
      : keys_(std::ranges::begin(keys), std::ranges::end(keys)) {}

  std::size_t size() const { return keys_.size(); }
  auto begin() const { return keys_.begin(); }
  auto end() const { return keys_.end(); }

 private:
  std::vector<std::string_view> keys_;
};

/// Keys, each with the MessagePack object to store.
using PackedEntries = std::vector<std::pair<std::string_view, std::string_view>>;

}  // namespace pannier
