// EntryList: entries of a cache in an order from old to new, linked through themselves. An entry is in one
// list; the list owns none of them. Everything takes constant time, and changes are part of a transaction.
#pragma once

#include <cstdint>

#include "storage/entry.h"

namespace pannier::storage {

class EntryList {
 public:
  /// `name` is noted in each entry.
  EntryList(Arena& arena, ListHead& head, Entry::List name) : arena_(arena), head_(head), name_(name) {}
  EntryList(const EntryList&) = delete;
  EntryList& operator=(const EntryList&) = delete;

  /// Precondition of both: the entry is in no list.
  void push_newest(EntryAt entry);
  void push_oldest(EntryAt entry);
  /// Precondition of all below: the entry is in this list.
  void remove(EntryAt entry);
  void make_newest(EntryAt entry, std::uint64_t place);
  /// `fresh` is there instead of `old_entry`, which is in no list from then on only if it is freed.
  void replace(EntryAt old_entry, EntryAt fresh);

  std::uint64_t size() const { return head_.size; }
  EntryAt oldest() const { return entry_at(arena_, head_.oldest); }
  EntryAt newest() const { return entry_at(arena_, head_.newest); }
  EntryAt newer(EntryAt entry) const { return entry_at(arena_, entry->newer); }
  /// The oldest that is not `except`; none if there is no other.
  EntryAt oldest_but(Ref except) const;

 private:
  void link(EntryAt entry, Ref older, Ref newer);
  void unlink(const Entry& entry, Ref ref);
  void set_list(EntryAt entry, Entry::List list);
  static Word64& links_of(Entry& entry);
  void set_links(Entry& entry, Ref older, Ref newer);
  Ref& newer_cell(Ref older) const { return older == kNoRef ? head_.oldest : arena_.at<Entry>(older).newer; }
  Ref& older_cell(Ref newer) const { return newer == kNoRef ? head_.newest : arena_.at<Entry>(newer).older; }

  Arena& arena_;
  ListHead& head_;
  const Entry::List name_;
};

}  // namespace pannier::storage
