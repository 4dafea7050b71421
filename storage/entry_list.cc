#include "storage/entry_list.h"

#include "storage/broken.h"

namespace pannier::storage {

Word64& EntryList::links_of(Entry& entry) {
  // Both in one word: the header begins with them.
  return *reinterpret_cast<Word64*>(&entry);
}

void EntryList::set_links(Entry& entry, Ref older, Ref newer) {
  arena_.set(links_of(entry), std::uint64_t{newer} << 32 | older);
}

void EntryList::set_list(EntryAt entry, Entry::List list) {
  set_state(arena_, entry, Entry::kListMask, static_cast<std::uint64_t>(list) << Entry::kListShift);
}

// What a neighbor's link holds follows from the links of the entry itself: it is written without being read,
// because the neighbors are seldom in the processor's caches.

void EntryList::link(EntryAt entry, Ref older, Ref newer) {
  set_links(*entry, older, newer);
  arena_.set_known(newer_cell(older), newer, entry.ref);
  arena_.set_known(older_cell(newer), older, entry.ref);
}

void EntryList::unlink(const Entry& entry, Ref ref) {
  arena_.set_known(newer_cell(entry.older), ref, entry.newer);
  arena_.set_known(older_cell(entry.newer), ref, entry.older);
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
  unlink(*entry, entry.ref);
  arena_.set(head_.size, head_.size - 1);
  set_list(entry, Entry::List::kNone);
}

void EntryList::make_newest(EntryAt entry, std::uint64_t place) {
  const std::uint64_t place_word = (place << 16) | (entry->place_and_deadline & 0xffff);
  if (head_.newest == entry.ref) return arena_.set(entry->place_and_deadline, place_word);
  const Ref older = entry->older;
  const Ref newer = entry->newer;
  const Ref newest = head_.newest;
  Ref& older_link = newer_cell(older);
  Ref& newer_link = older_cell(newer);
  Ref& last_link = arena_.at<Entry>(newest).newer;
  // The most frequent change of all: noted at once.
  Arena::Group group(arena_);
  group.note(links_of(*entry));
  group.note(entry->place_and_deadline);
  group.note_known(older_link, entry.ref);
  group.note_known(newer_link, entry.ref);
  group.note_known(last_link, kNoRef);
  group.note_known(head_.newest, newest);
  group.commit();
  store_racing(older_link, newer);
  store_racing(newer_link, older);
  store_racing(last_link, entry.ref);
  store_racing(head_.newest, entry.ref);
  store_racing(entry->older, newest);
  store_racing(entry->newer, kNoRef);
  store_racing_halves(entry->place_and_deadline, place_word);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

void EntryList::replace(EntryAt old_entry, EntryAt fresh) {
  const Ref older = old_entry->older;
  const Ref newer = old_entry->newer;
  set_list(fresh, name_);
  set_links(*fresh, older, newer);
  arena_.set(newer_cell(older), fresh.ref);
  arena_.set(older_cell(newer), fresh.ref);
}

EntryAt EntryList::oldest_but(Ref except) const {
  const EntryAt first = oldest();
  if (!first || first.ref != except) return first;
  return newer(first);
}

}  // namespace pannier::storage
