#include "storage/entry_list.h"

#include "storage/broken.h"

namespace pannier::storage {

void EntryList::link(Entry& entry, Entry* older, Entry* newer) {
  if (entry.list != Entry::List::kNone) broken("an entry was to be put into a second list");
  entry.list = name_;
  entry.older = older;
  entry.newer = newer;
  (older == nullptr ? oldest_ : older->newer) = &entry;
  (newer == nullptr ? newest_ : newer->older) = &entry;
  ++size_;
}

void EntryList::push_newest(Entry& entry) { link(entry, newest_, nullptr); }

void EntryList::push_oldest(Entry& entry) { link(entry, nullptr, oldest_); }

void EntryList::remove(Entry& entry) {
  if (entry.list != name_) broken("an entry was to be removed from a list that it is not in");
  (entry.older == nullptr ? oldest_ : entry.older->newer) = entry.newer;
  (entry.newer == nullptr ? newest_ : entry.newer->older) = entry.older;
  entry.older = nullptr;
  entry.newer = nullptr;
  entry.list = Entry::List::kNone;
  --size_;
}

void EntryList::replace(Entry& old_entry, Entry& fresh) {
  Entry* const older = old_entry.older;
  Entry* const newer = old_entry.newer;
  remove(old_entry);
  link(fresh, older, newer);
}

Entry* EntryList::oldest_but(const Entry* except) const {
  if (oldest_ == nullptr || oldest_ != except) return oldest_;
  return oldest_->newer;
}

}  // namespace pannier::storage
