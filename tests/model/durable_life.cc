// Life and death of a DurableDriver's catalog and of its caches.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/model/durable_driver.h"
#include "tests/model/store_access.h"

namespace pannier::storage {

std::unique_ptr<Arena> DurableDriver::new_arena() {
  const auto made = std::get<std::unique_ptr<Arena>>(Arena::create(course_.memory_bytes_max));
  made->header().hash_seed = dice_.below(UINT64_MAX);
  // A copy, so that processes that are forked do not see what becomes of it in each other.
  return std::get<std::unique_ptr<Arena>>(Arena::attach_copy(::dup(made->fd())));
}

void DurableDriver::start() {
  CatalogOptions options;
  options.memory_bytes_max = course_.memory_bytes_max;
  options.dirty_bytes_max = course_.dirty_bytes_max;
  catalog_ = std::make_unique<Catalog>(options, recorder_, new_arena());
  for (const CacheId id : need(store_->unfinished_drops())) finish_drop(*store_, id);
  for (const Definition& definition : need(store_->definitions())) catalog_->restore(definition);
  versions_bound_ = need(store_->reserved_versions()) + 1;
  catalog_->set_versions(versions_bound_, versions_bound_);
  reserve_versions();
  open("d0");
  open("d1");
  open("crowd");
}

void DurableDriver::reserve_versions() {
  const Version from = versions_bound_ - catalog_->versions_left();
  const Version bound = versions_bound_ + course_.versions_block;
  need(store_->reserve_versions(bound));
  versions_bound_ = bound;
  catalog_->set_versions(from, bound);
}

void DurableDriver::open(const std::string& name) {
  Settings settings;
  settings.tier = name == "crowd" ? Tier::kLru : Tier::kDurable;
  if (name == "d1") settings.age_ms_max = 3'000;
  if (name == "d1") settings.stale_ms = 200;
  const OpenOutcome outcome = catalog_->open(name, settings, false, now_);
  const auto& opened = std::get<Opened>(outcome);
  if (settings.tier != Tier::kDurable) return;
  if (opened.created) need(store_->define(opened.cache.id(), name, settings));
  defined_[name] = opened.cache.id();
}

void DurableDriver::drop() {
  leaving_[name_] = {cache_->id(), catalog_->write_back().clean_through()};
  const auto dropped = catalog_->drop(name_);
  ASSERT_TRUE(dropped && dropped->was_durable);
  defined_.erase(name_);
  need(store_->begin_drop(dropped->id));
  leaving_.erase(name_);
  forget(name_);
  models_[name_] = {};
  finish_drop(*store_, dropped->id);
  open(name_);
}

void DurableDriver::forget(const std::string& name) {
  std::erase_if(loads_, [&](const Load& load) { return load.name == name; });
  std::erase_if(warm_, [&](const auto& entry) { return entry.first == name; });
  clears_.erase(name);
}

void DurableDriver::crash() {
  follow_told();
  const std::uint64_t clean_through = catalog_->write_back().clean_through();
  clean_through_before_ = clean_through;
  // What was in flight is on disk, or is not.
  if (!taken_.empty() && dice_.chance(50)) store_->write(taken_);
  taken_.clear();
  written_.clear();
  catalog_.reset();
  loads_.clear();
  warm_.clear();
  clears_.clear();
  need(store_->reopen());
  start();
  std::map<std::string, std::map<std::string, State>> disks;
  for (const std::string name : {"d0", "d1"}) disks[name] = disk_of(name);
  clean_through_before_.reset();
  for (const auto& [name, disk] : disks) {
    EXPECT_EQ(models_[name].crashed(disk, clean_through, now_), std::nullopt) << name;
    EXPECT_EQ(catalog_->find(name)->entries(), disk.size());
  }
}

std::map<std::string, DurableModel::State> DurableDriver::disk_of(const std::string& name) {
  return records_of(*store_, catalog_->find(name)->id());
}

}  // namespace pannier::storage
