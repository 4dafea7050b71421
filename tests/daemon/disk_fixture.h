// What the tests of the disk's side of the daemon share: a loop, a store on a disk that can fail, and its
// worker.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/disk_worker.h"
#include "daemon/uv_loop.h"
#include "daemon/uv_timer.h"
#include "storage/leveldb_store.h"
#include "tests/storage/faulty_env.h"
#include "tests/storage/temp_dir.h"

namespace pannier::daemon {

class DiskFixture : public testing::Test {
 protected:
  explicit DiskFixture(const storage::LevelDbOptions& options = {}) : store_(open(options)) {
    EXPECT_FALSE(store_->define(kCache, "cache", settings()));
    disk_.emplace(loop_, *store_, DiskLimits());
  }
  ~DiskFixture() override {
    env_.release_syncs();
    run_until([this] { return disk_->is_idle(); });
    tick_.stop();
  }

  static constexpr storage::CacheId kCache = 1;

  static storage::Settings settings() {
    storage::Settings durable;
    durable.tier = storage::Tier::kDurable;
    return durable;
  }
  static storage::BatchItem item(std::string key, std::string value, storage::CacheId cache = kCache) {
    return {cache, std::move(key), storage::Record{std::move(value), 1}, storage::OnDisk::kUnknown, 0};
  }
  static storage::Batch batch(std::vector<storage::BatchItem> items) { return {std::move(items)}; }

  std::unique_ptr<storage::LevelDbStore> open(const storage::LevelDbOptions& options) {
    auto opened = storage::LevelDbStore::open(dir_.file("durable"), options, &env_);
    if (const auto* error = std::get_if<storage::StoreError>(&opened)) {
      ADD_FAILURE() << error->text;
      std::abort();
    }
    return std::move(std::get<0>(opened));
  }

  /// Runs the loop until it is so; a failure after a minute.
  void run_until(const std::function<bool()>& is_so) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!is_so()) {
      if (std::chrono::steady_clock::now() > end) {
        ADD_FAILURE() << "it did not happen";
        return;
      }
      pass();
    }
  }
  /// A pass of the loop that sleeps a few milliseconds at most.
  void pass() {
    tick_.start(5);
    loop_.run_once();
  }
  void run_for_ms(std::uint64_t duration_ms) {
    loop_.update_now();
    const std::uint64_t end = loop_.now_ms() + duration_ms;
    while (loop_.now_ms() < end) pass();
  }

  test::TempDir dir_;
  test::FaultyEnv env_;
  UvLoop loop_;
  UvTimer tick_{loop_, [this] { tick_.start(5); }};  // again, for libuv fires timers before it sleeps too
  std::unique_ptr<storage::LevelDbStore> store_;
  std::optional<DiskWorker> disk_;
};

}  // namespace pannier::daemon
