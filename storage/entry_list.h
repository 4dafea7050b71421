// EntryList: entries in an order from old to new, linked through themselves. An entry is in one list at most;
// the list owns none of them. Everything takes constant time.
#pragma once

#include <cstdint>

#include "storage/entry.h"

namespace pannier::storage {

class EntryList {
 public:
  /// `name` is noted in each entry while it is in the list.
  explicit EntryList(Entry::List name) : name_(name) {}
  EntryList(const EntryList&) = delete;
  EntryList& operator=(const EntryList&) = delete;

  void push_newest(Entry& entry);
  void push_oldest(Entry& entry);
  /// Precondition of both: `entry` (`old_entry`) is in this list.
  void remove(Entry& entry);
  void replace(Entry& old_entry, Entry& fresh);

  bool is_empty() const { return oldest_ == nullptr; }
  std::uint64_t size() const { return size_; }
  Entry* oldest() const { return oldest_; }
  /// The oldest that is not `except`; null if there is none.
  Entry* oldest_but(const Entry* except) const;

 private:
  void link(Entry& entry, Entry* older, Entry* newer);

  Entry* oldest_ = nullptr;
  Entry* newest_ = nullptr;
  std::uint64_t size_ = 0;
  const Entry::List name_;
};

}  // namespace pannier::storage
