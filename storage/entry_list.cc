#include "storage/entry_list.h"

#include "storage/broken.h"

namespace pannier::storage {

void EntryList::set_links(Entry& entry, Ref older, Ref newer) {
  // Both in one word: the header begins with them.
  arena_.set(*reinterpret_cast<Word64*>(&entry), std::uint64_t{newer} << 32 | older);
}

void EntryList::set_list(EntryAt entry, Entry::List list) {
  set_state(arena_, entry, Entry::kListMask, static_cast<std::uint64_t>(list) << Entry::kListShift);
}

void EntryList::link(EntryAt entry, Ref older, Ref newer) {
  set_links(*entry, older, newer);
  arena_.set(newer_cell(older), entry.ref);
  arena_.set(older_cell(newer), entry.ref);
}

void EntryList::push_newest(EntryAt entry) {
  if (entry->list() != Entry::List::kNone) broken("an entry was to be put into a second list");
  set_list(entry, name_);
  link(entry, head_.newest, kNoRef);
  arena_.set(head_.size, head_.size + 1);
}

void EntryList::push_oldest(EntryAt entry) {
  if (entry->list() != Entry::List::kNone) broken("an entry was to be put into a second list");
  set_list(entry, name_);
  link(entry, kNoRef, head_.oldest);
  arena_.set(head_.size, head_.size + 1);
}

void EntryList::remove(EntryAt entry) {
  if (entry->list() != name_) broken("an entry was to be removed from a list that it is not in");
  const Ref older = entry->older;
  const Ref newer = entry->newer;
  arena_.set(newer_cell(older), newer);
  arena_.set(older_cell(newer), older);
  arena_.set(head_.size, head_.size - 1);
  set_list(entry, Entry::List::kNone);
}

void EntryList::make_newest(EntryAt entry) {
  if (head_.newest == entry.ref) return;
  const Ref older = entry->older;
  const Ref newer = entry->newer;
  arena_.set(newer_cell(older), newer);
  arena_.set(arena_.at<Entry>(newer).older, older);
  link(entry, head_.newest, kNoRef);
}

void EntryList::replace(EntryAt old_entry, EntryAt fresh) {
  const Ref older = old_entry->older;
  const Ref newer = old_entry->newer;
  set_list(fresh, name_);
  link(fresh, older, newer);
}

EntryAt EntryList::oldest_but(Ref except) const {
  const EntryAt first = oldest();
  if (!first || first.ref != except) return first;
  return newer(first);
}

}  // namespace pannier::storage
