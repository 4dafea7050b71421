#include "storage/entry.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "storage/broken.h"
#include "storage/catalog.h"

namespace pannier::storage {

void EntryDeleter::operator()(Entry* entry) const {
  entry->~Entry();
  std::free(entry);
}

EntryPointer make_entry(std::uint64_t hash, std::string_view key, std::string_view value) {
  void* block = std::malloc(sizeof(Entry) + key.size() + value.size());
  if (block == nullptr) broken("the system has no memory for an entry");
  EntryPointer entry(new (block) Entry);
  entry->hash = hash;
  entry->key_bytes = static_cast<std::uint16_t>(key.size());
  entry->value_bytes = value.size();
  char* bytes = static_cast<char*>(block) + sizeof(Entry);
  std::memcpy(bytes, key.data(), key.size());
  if (!value.empty()) std::memcpy(bytes + key.size(), value.data(), value.size());
  return entry;
}

TimeMs later(TimeMs time, std::uint64_t span_ms) {
  const auto room = static_cast<std::uint64_t>(kNever - time);
  return span_ms >= room ? kNever : time + static_cast<TimeMs>(span_ms);
}

TimeMs stale_end(const Entry& entry) { return later(entry.deadline, entry.stale_ms); }

std::uint64_t entry_charge(std::uint64_t key_bytes, std::uint64_t value_bytes) {
  // The heap's granule and the word that it keeps for itself in each block.
  constexpr std::uint64_t kGranule = 16;
  constexpr std::uint64_t kBlockHead = 8;
  const std::uint64_t block = sizeof(Entry) + key_bytes + value_bytes + kBlockHead;
  return (block + kGranule - 1) / kGranule * kGranule;
}

}  // namespace pannier::storage
