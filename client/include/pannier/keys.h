// KeyList: how the methods for many keys take them. It converts from {"a", "b"}, and from any range whose
// elements are strings (std::vector<std::string>, std::set<std::string_view>, std::span<const std::string>).
// It only views the keys: they must outlive the call it is passed to, and a range that makes its strings as
// it is walked (std::views::transform) is refused at compile time. PackedEntries is the same for keys with
// values.
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <ranges>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace pannier {

/// A range of keys that outlive a walk through it: they are in it, or are views themselves.
template <class Range>
concept KeyRange = std::ranges::forward_range<const Range> &&
    std::convertible_to<std::ranges::range_reference_t<const Range>, std::string_view> &&
    (std::is_lvalue_reference_v<std::ranges::range_reference_t<const Range>> ||
     std::is_trivially_destructible_v<std::ranges::range_value_t<const Range>>);

class KeyList {
 public:
  KeyList(std::initializer_list<std::string_view> keys) : keys_(keys) {}

  template <KeyRange Range>
  KeyList(const Range& keys) : keys_(std::ranges::begin(keys), std::ranges::end(keys)) {}

  std::size_t size() const { return keys_.size(); }
  auto begin() const { return keys_.begin(); }
  auto end() const { return keys_.end(); }

 private:
  std::vector<std::string_view> keys_;
};

/// Keys, each with the MessagePack object to store.
using PackedEntries = std::vector<std::pair<std::string_view, std::string_view>>;

}  // namespace pannier
