#include "tests/model/memory_driver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "storage/check.h"
#include "tests/model/operations.h"

namespace pannier::storage {
namespace {

constexpr std::uint64_t kOperationsAPhase = kOperations / 50;
/// Some values are so much larger than the others.
constexpr std::uint64_t kLargeFactor = 40;

/// Without the repetitions that fill keys and values.
std::string shown(std::string text) {
  const auto is_filling = [](char a, char b) { return a == b && (a == '-' || (a >= 'a' && a <= 'z')); };
  text.erase(std::unique(text.begin(), text.end(), is_filling), text.end());
  return text.substr(0, 4'000);
}

}  // namespace

MemoryDriver::MemoryDriver(const MemoryCourse& course, std::uint64_t seed) : course_(course), dice_(seed) {
  catalog_.set_versions(1, kVersionMax);
  for (std::size_t i = 0; i < course_.settings.size(); ++i) open(i, course_.settings[i]);
}

void MemoryDriver::one() {
  ++done_;
  pass_time();
  name_ = "c" + std::to_string(dice_.below(course_.settings.size()));
  cache_ = catalog_.find(name_);
  recorder_.forget();
  did_ = "operation";
  operate(dice_.below(1'000));
  expect(text_of(recorder_.told()), text_of(model_.take_told()));
  if (Cache* cache = catalog_.find(name_)) expect(MemoryModel::summary(*cache), model_.summary(name_));
  EXPECT_EQ(model_.memory_fault(), std::nullopt);
}

void MemoryDriver::operate(std::uint64_t kind) {
  if (kind < 300) return get();
  if (kind < 330) return find();
  if (kind < 370) return get_or_stale();
  if (kind < 800) return put();
  if (kind < 880) return erase();
  if (kind < 940) return touch();
  if (kind < 942) return walk();
  if (kind < 950) return clear();
  if (kind < 998 || !course_.alters) return step(dice_.chance(70) ? 1'000'000 : dice_.below(20) + 1);
  alter();
}

// -- what must be so

void MemoryDriver::expect(const std::string& is, const std::string& should_be) {
  EXPECT_TRUE(is == should_be) << did_ << " in " << name_ << " with " << shown(key_) << ": " << shown(is)
                               << "\nshould be " << shown(should_be);
}

void MemoryDriver::check_sums() { EXPECT_EQ(Check::fault_of(catalog_), std::nullopt); }

void MemoryDriver::check_counters() {
  for (std::uint64_t steps = 0; catalog_.next_due() <= now_ && steps < 1'000'000; ++steps) {
    recorder_.forget();
    step(1'000);
    expect(text_of(recorder_.told()), text_of(model_.take_told()));
  }
  EXPECT_EQ(catalog_.expiry_lag_ms(now_), 0U);
  for (const Cache* cache : catalog_.caches()) {
    expect(MemoryModel::summary(*cache), model_.summary(cache->name()));
  }
}

void MemoryDriver::check_entries() {
  for (Cache* cache : catalog_.caches()) {
    name_ = cache->name();
    for (const std::string& key : model_.keys(name_)) {
      key_ = key;
      EXPECT_TRUE(Check::residence_of(*cache, key).is_resident) << name_ << " " << key;
      expect(text_of(cache->find(key, now_)), text_of(model_.find(name_, key, now_)));
    }
  }
}

void MemoryDriver::check_pressure() const {
  const MemoryModel::Pressure& pressure = model_.pressure();
  if (!course_.is_short) {
    EXPECT_EQ(pressure.expired + pressure.stale + pressure.evicted + pressure.too_big, 0U);
    return;
  }
  EXPECT_GT(pressure.evicted, kOperations / 100);
  EXPECT_GT(pressure.spared, kOperations / 1'000);
  EXPECT_GT(pressure.stale, kOperations / 10'000);
  EXPECT_GT(pressure.expired, 0U);
}

// -- what to do next

void MemoryDriver::choose_key() {
  key_ = dice_.key(course_.keys);
  if (course_.key_bytes_max == 0) return;
  const std::uint64_t bytes = std::stoull(key_.substr(1)) * 7'919 % course_.key_bytes_max + 1;
  key_.resize(std::max<std::size_t>(key_.size(), bytes), '-');
}

std::string MemoryDriver::value() {
  const MemoryCourse::Sizes sizes = course_.values[done_ / kOperationsAPhase % course_.values.size()];
  if (dice_.chance(1)) return dice_.value(sizes.bytes_max * kLargeFactor);
  return dice_.value(sizes.bytes_min, sizes.bytes_max);
}

void MemoryDriver::pass_time() {
  const std::uint64_t kind = dice_.below(1'000);
  if (kind < 500) return;
  now_ += static_cast<TimeMs>(dice_.below(4));
  if (kind > 990) now_ += static_cast<TimeMs>(dice_.below(5'000));
  if (kind == 999) now_ += static_cast<TimeMs>(dice_.below(std::uint64_t{1} << dice_.below(38)));
}

Ttl MemoryDriver::ttl() {
  const std::uint64_t kind = dice_.below(10);
  if (kind < 5) return {};
  if (kind == 5) return {Ttl::Kind::kNone};
  return {Ttl::Kind::kGiven, dice_.below(std::uint64_t{1} << dice_.below(dice_.chance(2) ? 50 : 14))};
}

PutOptions MemoryDriver::put_options() {
  PutOptions options;
  options.ttl = ttl();
  options.keep_ttl = dice_.chance(20);
  if (dice_.chance(30)) options.stale_ms = dice_.below(std::uint64_t{1} << dice_.below(12));
  const std::uint64_t kind = dice_.below(10);
  if (kind == 7) options.condition = {Condition::Kind::kAbsent};
  if (kind == 8) options.condition = {Condition::Kind::kPresent};
  if (kind == 9) options.condition = {Condition::Kind::kVersion, version_of(key_)};
  return options;
}

Version MemoryDriver::version_of(const std::string& key) {
  const Lookup lookup = cache_->find(key, now_);
  const auto* hit = std::get_if<Hit>(&lookup);
  return hit == nullptr || dice_.chance(30) ? dice_.below(100) : hit->entry.version;
}

// -- operations

void MemoryDriver::get() {
  choose_key();
  expect(text_of(cache_->get(key_, now_)), text_of(model_.get(name_, key_, now_)));
}

void MemoryDriver::find() {
  choose_key();
  expect(text_of(cache_->find(key_, now_)), text_of(model_.find(name_, key_, now_)));
}

void MemoryDriver::get_or_stale() {
  choose_key();
  expect(text_of(cache_->get_or_stale(key_, now_)), text_of(model_.get_or_stale(name_, key_, now_)));
}

void MemoryDriver::put() {
  choose_key();
  const PutOptions options = put_options();
  const std::string bytes = value();
  const PutOutcome outcome = cache_->put(key_, bytes, options, now_);
  did_ = "put of " + std::to_string(bytes.size()) + " bytes, " + text_of(outcome) + ",";
  expect(text_of(outcome), text_of(model_.put(name_, key_, bytes, options, now_, outcome)));
}

void MemoryDriver::erase() {
  choose_key();
  std::optional<Version> if_version;
  if (dice_.chance(30)) if_version = version_of(key_);
  const EraseOutcome outcome = cache_->erase(key_, if_version, now_);
  did_ = "erase, " + text_of(outcome) + ",";
  expect(text_of(outcome), text_of(model_.erase(name_, key_, if_version, now_)));
}

void MemoryDriver::touch() {
  const Ttl given = ttl();
  choose_key();
  const TouchOutcome outcome = cache_->touch(key_, given, now_);
  did_ = "touch, " + text_of(outcome) + ",";
  expect(text_of(outcome), text_of(model_.touch(name_, key_, given, now_)));
}

void MemoryDriver::walk() {
  const std::string prefix = std::array<std::string, 3>{"", "b", "c1"}[dice_.below(3)];
  std::set<std::string> seen;
  std::optional<WalkPosition> position = WalkPosition{};
  while (position) {
    std::vector<std::string> keys;
    position = cache_->walk(*position, prefix, dice_.below(20) + 1, dice_.below(30) + 1, now_, keys).next;
    for (const std::string& key : keys) EXPECT_TRUE(seen.insert(key).second) << key << " was seen twice";
  }
  EXPECT_EQ(seen, model_.walk(name_, prefix, now_));
}

void MemoryDriver::clear() {
  std::vector<ClearId>& clears = clears_[name_];
  // A cache that is emptied does not press: seldom where that is what it is about.
  if (clears.size() < 2 && dice_.chance(course_.is_short ? 2 : 15)) {
    const std::string prefix = std::array<std::string, 3>{"", "b", "c1"}[dice_.below(3)];
    clears.push_back(cache_->clear_begin(prefix, now_));
    model_.clear_begin(name_, prefix, now_);
  }
  if (clears.empty()) return;
  const std::size_t which = dice_.below(clears.size());
  const bool has_more = cache_->clear_step(clears[which], dice_.below(200) + 1);
  model_.clear_step(name_);
  if (has_more) return;
  EXPECT_EQ(cache_->clear_end(clears[which], 0, now_), model_.clear_end(name_, which));
  clears.erase(clears.begin() + static_cast<std::ptrdiff_t>(which));
}

void MemoryDriver::step(std::uint64_t visits_max) {
  const bool has_more = catalog_.step(now_, visits_max);
  model_.step(now_, has_more);
  EXPECT_EQ(has_more, catalog_.next_due() <= now_);
}

void MemoryDriver::open(std::size_t which, const Settings& settings) {
  const std::string name = "c" + std::to_string(which);
  const OpenOutcome outcome = catalog_.open(name, settings, true, now_);
  ASSERT_TRUE(std::holds_alternative<Opened>(outcome));
  model_.open(name, settings, now_);
}

void MemoryDriver::alter() {
  const std::size_t which = dice_.below(course_.settings.size());
  name_ = "c" + std::to_string(which);
  if (dice_.chance(course_.is_short ? 3 : 20)) {
    EXPECT_TRUE(catalog_.drop(name_).has_value());
    model_.drop(name_);
    clears_[name_].clear();
    return open(which, course_.settings[which]);
  }
  Settings settings = course_.settings[which];
  if (settings.entries_max) settings.entries_max = dice_.below(*settings.entries_max * 2) + 1;
  if (settings.bytes_max) settings.bytes_max = dice_.below(*settings.bytes_max * 2) + 1;
  open(which, settings);
}

}  // namespace pannier::storage
