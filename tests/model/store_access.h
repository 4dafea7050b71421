// Short ways to a store that works: every StoreError is thrown.
#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "storage/durable_store.h"
#include "tests/model/durable_model.h"

namespace pannier::storage {

template <typename Value, typename... Others>
Value need(std::variant<Value, Others...> result) {
  if (auto* error = std::get_if<StoreError>(&result)) throw std::runtime_error(error->text);
  return std::get<Value>(std::move(result));
}
void need(const std::optional<StoreError>& error);

std::variant<Record, Absent> load_now(const DurableStore& store, CacheId cache, const std::string& key);
/// All that the store has of a cache.
std::map<std::string, DurableModel::State> records_of(const DurableStore& store, CacheId cache);
/// Erases what begin_drop() left, and ends it.
void finish_drop(DurableStore& store, CacheId cache);

}  // namespace pannier::storage
