// A catalog for tests, with what it told, and short ways to call a cache.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "storage/catalog.h"
#include "storage/check.h"

namespace pannier::storage {

class CatalogFixture : public testing::Test, public ChangeListener {
 protected:
  static constexpr TimeMs kNow = 1'700'000'000'000;
  /// The least that a catalog may have.
  static constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

  CatalogFixture() { start({}); }
  void TearDown() override { EXPECT_EQ(Check::fault_of(*catalog_), std::nullopt); }

  void changed(const Cache&, std::string_view key, Change change) override {
    told_.emplace_back(key, change);
  }

  void start(const CatalogOptions& options) {
    catalog_ = std::make_unique<Catalog>(options, *this);
    catalog_->set_versions(1, kVersionMax);
  }

  Cache& open(const std::string& name, const Settings& settings) {
    return std::get<Opened>(catalog_->open(name, settings, false, kNow)).cache;
  }
  static Settings lru(std::uint64_t entries_max) {
    Settings settings;
    settings.entries_max = entries_max;
    return settings;
  }
  static Settings durable() {
    Settings settings;
    settings.tier = Tier::kDurable;
    return settings;
  }

  static PutOptions ttl(std::uint64_t ms, std::optional<std::uint64_t> stale_ms = std::nullopt) {
    PutOptions options;
    options.ttl = {Ttl::Kind::kGiven, ms};
    options.stale_ms = stale_ms;
    return options;
  }
  static PutOptions only_if(Condition condition) {
    PutOptions options;
    options.condition = condition;
    return options;
  }

  template <typename Outcome, typename Variant>
  static bool is(const Variant& result) {
    return std::holds_alternative<Outcome>(result);
  }

  /// The value of a live entry; "(none)" if there is none.
  static std::string value(Cache& cache, const std::string& key, TimeMs now = kNow) {
    const Lookup lookup = cache.find(key, now);
    const auto* hit = std::get_if<Hit>(&lookup);
    return hit == nullptr ? "(none)" : std::string(hit->entry.value);
  }
  static Version put(Cache& cache, const std::string& key, const std::string& value,
                     const PutOptions& options = {}, TimeMs now = kNow) {
    return std::get<Written>(cache.put(key, value, options, now)).version;
  }

  /// A value of that many bytes.
  static std::string large(std::size_t bytes) { return std::string(bytes, 'x'); }

  int times(const std::string& key, Change change) const {
    return static_cast<int>(std::ranges::count(told_, std::pair(key, change)));
  }

  std::vector<std::pair<std::string, Change>> told_;
  std::unique_ptr<Catalog> catalog_;
};

}  // namespace pannier::storage
