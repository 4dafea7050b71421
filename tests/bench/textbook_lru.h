// The LRU cache of every textbook: a hash table to list iterators. What storage is measured beside.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace pannier::bench {

class TextbookLru {
 public:
  explicit TextbookLru(std::size_t entries_max) : entries_max_(entries_max) {}

  /// Null on a miss.
  const std::string* get(const std::string& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }

  void put(const std::string& key, std::string_view value) {
    const auto found = places_.find(key);
    if (found != places_.end()) {
      found->second->second = value;
      entries_.splice(entries_.begin(), entries_, found->second);
      return;
    }
    if (places_.size() == entries_max_) {
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, value);
    places_[key] = entries_.begin();
  }

 private:
  using Entries = std::list<std::pair<std::string, std::string>>;

  std::size_t entries_max_;
  Entries entries_;
  std::unordered_map<std::string, Entries::iterator> places_;
};

}  // namespace pannier::bench
