// GatedStore: a store in front of another whose writes of batches wait until they are let through, and fail
// from one of them on if told so.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <semaphore>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/durable_store.h"

namespace pannier::test {

class GatedStore final : public storage::DurableStore {
 public:
  using Done = std::optional<storage::StoreError>;

  explicit GatedStore(storage::DurableStore& below) : below_(below) {}

  void let_through(std::ptrdiff_t writes) { gate_.release(writes); }
  /// Of the writes counted from 1; none by default.
  std::atomic<std::uint64_t> fails_from = ~std::uint64_t{0};
  std::atomic<std::uint64_t> fails_until = ~std::uint64_t{0};
  std::atomic<std::uint64_t> failed = 0;

  std::variant<std::vector<storage::Wrote>, storage::StoreError> write(
      std::span<const storage::Batch> batches) override {
    gate_.acquire();
    const std::uint64_t number = ++writes_;
    if (number < fails_from || number >= fails_until) return below_.write(batches);
    ++failed;
    return storage::StoreError{"told to fail"};
  }

  std::variant<std::vector<storage::Definition>, storage::StoreError> definitions() const override {
    return below_.definitions();
  }
  std::variant<std::vector<storage::CacheId>, storage::StoreError> unfinished_drops() const override {
    return below_.unfinished_drops();
  }
  Done define(storage::CacheId id, std::string_view name, const storage::Settings& settings) override {
    return below_.define(id, name, settings);
  }
  Done begin_drop(storage::CacheId id) override { return below_.begin_drop(id); }
  Done end_drop(storage::CacheId id) override { return below_.end_drop(id); }
  std::variant<storage::ErasedSome, storage::StoreError> erase_some(const storage::EraseRange& range,
                                                                    std::uint64_t steps_max) override {
    return below_.erase_some(range, steps_max);
  }
  std::variant<storage::Record, storage::Absent, storage::StoreError> load(
      storage::CacheId cache, std::string_view key) const override {
    return below_.load(cache, key);
  }
  std::variant<storage::Scanned, storage::StoreError> scan(storage::CacheId cache, std::string_view prefix,
                                                           std::string_view from_key,
                                                           std::uint64_t keys_max) const override {
    return below_.scan(cache, prefix, from_key, keys_max);
  }
  std::variant<std::shared_ptr<const storage::StoreImage>, storage::StoreError> open_image() override {
    return below_.open_image();
  }
  std::variant<storage::Version, storage::StoreError> reserved_versions() const override {
    return below_.reserved_versions();
  }
  Done reserve_versions(storage::Version bound) override { return below_.reserve_versions(bound); }
  std::variant<std::string, storage::StoreError> identity() const override { return below_.identity(); }
  std::variant<storage::Rested, storage::StoreError> rest() override { return below_.rest(); }
  Done reopen() override { return below_.reopen(); }

 private:
  storage::DurableStore& below_;
  std::counting_semaphore<> gate_{0};
  std::uint64_t writes_ = 0;
};

}  // namespace pannier::test
