// The flusher of one durable cache, on a disk that can fail and be held up.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "daemon/flusher.h"
#include "tests/daemon/disk_fixture.h"
#include "tests/daemon/silent_listener.h"

namespace pannier::daemon {

class FlusherTest : public DiskFixture {
 protected:
  FlusherTest() : catalog_({}, listener_), clock_(loop_, 1'000'000), log_(LogLevel::kError) {
    catalog_.set_versions(1, 1'000'000);
    cache_ = catalog_.restore({kCache, "cache", settings(), 0});
  }
  ~FlusherTest() override {
    env_.release_syncs();
    run_until([this] { return disk_->is_idle(); });
  }

  Flusher& start(std::uint64_t interval_ms, std::uint64_t dirty_bytes) {
    options_.checkpoint_interval_ms = interval_ms;
    options_.checkpoint_dirty_bytes = dirty_bytes;
    return flusher_.emplace(loop_, catalog_, *disk_, options_, clock_, log_);
  }
  /// Writes nothing by itself.
  Flusher& start_idle() { return start(3'600'000, std::uint64_t{1} << 40); }

  void put(const std::string& key, const std::string& value) {
    ASSERT_TRUE(std::holds_alternative<storage::Written>(cache_->put(key, value, {}, clock_.now())));
    flusher_->poke();
  }
  storage::DirtyTotals dirty() { return catalog_.write_back().totals(); }
  std::uint64_t sequence() { return catalog_.write_back().sequence_last(); }
  std::string on_disk(const std::string& key) {
    const auto loaded = store_->load(kCache, key);
    const auto* record = std::get_if<storage::Record>(&loaded);
    return record != nullptr ? record->value : "(absent)";
  }
  /// Writes all that is dirty; the error if that failed.
  std::optional<storage::StoreError> sync() {
    bool is_done = false;
    std::optional<storage::StoreError> failure;
    flusher_->wait_clean(sequence(), [&](std::optional<storage::StoreError> error) {
      failure = std::move(error);
      is_done = true;
    });
    run_until([&] { return is_done; });
    return failure;
  }

  SilentListener listener_;
  storage::Catalog catalog_;
  Clock clock_;
  Log log_;
  storage::Cache* cache_ = nullptr;
  DurableOptions options_;
  std::optional<Flusher> flusher_;
};

}  // namespace pannier::daemon
