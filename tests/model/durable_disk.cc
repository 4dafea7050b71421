// What a DurableDriver does with the disk: batches in flight, clears, and what expires there.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "storage/check.h"
#include "tests/model/durable_driver.h"
#include "tests/model/store_access.h"

namespace pannier::storage {

void DurableDriver::take_batch() {
  BatchLimits limits;
  limits.items_max = dice_.below(60) + 1;
  limits.bytes_max = dice_.below(course_.batch_bytes_max);
  WriteBack& write_back = catalog_->write_back();
  const bool has_batch = write_back.has_batch();
  auto batch = write_back.take_batch(limits);
  EXPECT_EQ(batch.has_value(), has_batch);
  if (!batch) return;
  EXPECT_LE(batch->items.size(), limits.items_max);
  EXPECT_TRUE(batch->bytes <= limits.bytes_max || batch->items.size() == 1);
  taken_.push_back(std::move(*batch));
}

void DurableDriver::write_batches() {
  const std::uint64_t kind = dice_.below(20);
  std::vector<Wrote> wrote;
  if (kind > 0 || dice_.chance(50)) {
    auto outcome = store_->write(taken_);
    if (auto* written = std::get_if<0>(&outcome)) wrote = std::move(*written);
  }
  if (kind > 0 && !wrote.empty()) {
    for (std::size_t i = 0; i < wrote.size(); ++i) written_.emplace_back(std::move(taken_[i]), wrote[i]);
  } else {
    // Failed, and is there or is not.
    for (; !taken_.empty(); taken_.pop_back()) catalog_->write_back().batch_failed(taken_.back());
  }
  taken_.clear();
}

void DurableDriver::end_batch() {
  const auto& [batch, wrote] = written_.front();
  catalog_->write_back().batch_done(batch, wrote);
  written_.pop_front();
}

bool DurableDriver::is_load_overtaken() {
  return std::ranges::any_of(loads_, [&](const Load& load) {
    return Check::residence_of(*catalog_->find(load.name), load.key).is_resident;
  });
}

void DurableDriver::flush() {
  constexpr std::size_t kBatchesMax = 3;
  if (!written_.empty() && dice_.chance(50) && !is_load_overtaken()) return end_batch();
  if (taken_.size() < kBatchesMax && dice_.chance(50)) return take_batch();
  if (!taken_.empty()) write_batches();
}

void DurableDriver::finish() {
  if (!catalog_) start();
  for (const std::string name : {"d0", "d1"}) {
    while (clears_.contains(name)) {
      flush_all();  // what is dirty may wait for a load of its key
      name_ = name;
      cache_ = catalog_->find(name);
      clear();
    }
  }
  sync();
  follow_told();
}

void DurableDriver::flush_all_given() {
  while (is_load_overtaken()) finish_load();
  if (!taken_.empty()) write_batches();
  while (!written_.empty()) end_batch();
}

void DurableDriver::flush_all() {
  while (is_load_overtaken()) finish_load();
  while (catalog_->write_back().in_flight() || catalog_->write_back().totals().entries > 0) {
    while (!written_.empty()) end_batch();
    if (!taken_.empty()) write_batches();
    take_batch();
  }
}

void DurableDriver::sync() {
  flush_all();
  EXPECT_EQ(catalog_->write_back().clean_through(), catalog_->write_back().sequence_last());
  EXPECT_EQ(catalog_->write_back().oldest_dirty_since(), kNever);
  for (const std::string name : {"d0", "d1"}) {
    if (clears_.contains(name)) continue;
    const auto disk = disk_of(name);
    EXPECT_EQ(models_[name].synced(disk, now_), std::nullopt) << name;
    EXPECT_EQ(catalog_->find(name)->entries(), disk.size()) << name;
  }
}

void DurableDriver::rest() {
  if (need(store_->rest()).goes_on) ++rests_;
}

void DurableDriver::clear() {
  if (!clears_.contains(name_)) {
    if (!dice_.chance(10)) return;
    const std::string prefix = std::array<std::string, 3>{"", "b", "c1"}[dice_.below(3)];
    const ClearId id = cache_->clear_begin(prefix, now_);
    const std::uint64_t live = models_[name_].clear_begin(prefix, now_);
    clears_[name_] = {id, prefix, catalog_->write_back().sequence_last(), now_, live};
    return;
  }
  Clear& clear = clears_[name_];
  if (catalog_->write_back().clean_through() < clear.sequence) return flush();
  if (!clear.is_erased && !written_.empty()) return flush();  // in the order in which the disk did it
  if (!clear.is_erased) return erase_some(clear);
  if (cache_->clear_step(clear.id, dice_.below(100) + 1)) return;
  const std::uint64_t erased = cache_->clear_end(clear.id, clear.erased, now_);
  EXPECT_LE(erased, clear.live);
  EXPECT_TRUE(erased == clear.live || !clear.is_exact);
  models_[name_].clear_end(clear.prefix);
  clears_.erase(name_);
}

void DurableDriver::erase_some(Clear& clear) {
  const EraseRange range{cache_->id(), clear.prefix, clear.from_key, cache_->clear_version(clear.id),
                         clear.began};
  const ErasedSome some = need(store_->erase_some(range, dice_.below(40) + 1));
  need(some.unreadable);
  clear.erased += some.erased_live;
  cache_->set_disk_entries(some.disk_entries);
  clear.is_erased = !some.next_key;
  clear.from_key = some.next_key.value_or("");
}

// In the daemon the pieces are read in the writing lane: memory has heard of all that was written before, and
// of nothing that was written after.
void DurableDriver::expire_on_disk() {
  const std::string name = name_;
  for (std::optional<std::string> from = ""; from;) {
    flush_all_given();
    const Scanned piece = need(store_->scan(catalog_->find(name)->id(), "", *from, dice_.below(40) + 1));
    need(piece.unreadable);
    for (const ScannedKey& scanned : piece.keys) expire_scanned(name, scanned);
    from = piece.next_key;
  }
  if (dice_.chance(20)) check_expired_on_disk(name);
}

void DurableDriver::expire_scanned(const std::string& name, const ScannedKey& scanned) {
  if (is_loading(name, scanned.key)) return;
  follow_told();
  const bool has_left = catalog_->find(name)->expire_scanned(scanned, now_);
  follow_told();
  if (!has_left) return;
  const auto state = models_[name].states().find(scanned.key);
  ASSERT_NE(state, models_[name].states().end()) << name << " " << scanned.key;
  EXPECT_TRUE(state->second.is_expired) << "it was not told: " << name << " " << scanned.key;
  EXPECT_GE(now_, later(state->second.deadline, state->second.stale_ms)) << name << " " << scanned.key;
  ++left_disk_;
}

/// Nothing is left there that is over and nowhere else, unless there was no memory to notice it.
void DurableDriver::check_expired_on_disk(const std::string& name) {
  flush_all();
  if (clears_.contains(name) || course_.is_short) return;
  for (const auto& [key, state] : disk_of(name)) {
    if (now_ < later(state.deadline, state.stale_ms) || is_loading(name, key)) continue;
    EXPECT_TRUE(Check::residence_of(*catalog_->find(name), key).is_resident) << name << " " << key;
  }
}

}  // namespace pannier::storage
