#include "tests/model/store_access.h"

namespace pannier::storage {

void need(const std::optional<StoreError>& error) {
  if (error) throw std::runtime_error(error->text);
}

std::variant<Record, Absent> load_now(const DurableStore& store, CacheId cache, const std::string& key) {
  auto result = store.load(cache, key);
  if (auto* error = std::get_if<StoreError>(&result)) throw std::runtime_error(error->text);
  if (auto* record = std::get_if<Record>(&result)) return std::move(*record);
  return Absent{};
}

std::map<std::string, DurableModel::State> records_of(const DurableStore& store, CacheId cache) {
  std::map<std::string, DurableModel::State> records;
  std::optional<std::string> from = "";
  while (from) {
    const Scanned scanned = need(store.scan(cache, "", *from, 1'000));
    need(scanned.unreadable);
    for (const ScannedKey& key : scanned.keys) {
      const Record record = need(store.load(cache, key.key));
      records[key.key] = {record.value, record.version, record.deadline, record.stale_ms};
    }
    from = scanned.next_key;
  }
  return records;
}

void finish_drop(DurableStore& store, CacheId cache) {
  EraseRange range;
  range.cache = cache;
  for (;;) {
    const ErasedSome some = need(store.erase_some(range, 100));
    need(some.unreadable);
    if (!some.next_key) break;
    range.from_key = *some.next_key;
  }
  need(store.end_drop(cache));
}

}  // namespace pannier::storage
