// Random operations on caches in memory, each compared with MemoryModel: outcome, order of what is told,
// counters, bytes.
#include <gtest/gtest.h>

#include "storage/check.h"
#include "tests/model/dice.h"
#include "tests/model/memory_model.h"

namespace pannier::storage {
namespace {

/// What one run is like.
struct Course {
  std::string name;
  std::vector<Settings> settings;  ///< one cache each
  std::uint64_t memory_bytes_max = std::uint64_t{64} << 20;
  std::uint64_t keys = 120;
  std::uint64_t value_bytes_max = 200;
  bool alters = false;  ///< drops, opens and alters caches too

  friend void PrintTo(const Course& course, std::ostream* out) { *out << course.name; }
};

class Driver {
 public:
  Driver(const Course& course, std::uint64_t seed) : course_(course), dice_(seed) {
    catalog_.set_versions(1, kVersionMax);
    for (std::size_t i = 0; i < course_.settings.size(); ++i) open(i, course_.settings[i]);
  }

  void one() {
    pass_time();
    name_ = "c" + std::to_string(dice_.below(course_.settings.size()));
    cache_ = catalog_.find(name_);
    recorder_.forget();
    const std::uint64_t kind = dice_.below(1'000);
    if (kind < 300) {
      get();
    } else if (kind < 330) {
      key();
      expect(text_of(cache_->find(key_, now_)), text_of(model_.find(name_, key_, now_)));
    } else if (kind < 370) {
      key();
      expect(text_of(cache_->get_or_stale(key_, now_)), text_of(model_.get_or_stale(name_, key_, now_)));
    } else if (kind < 800) {
      put();
    } else if (kind < 880) {
      erase();
    } else if (kind < 940) {
      touch();
    } else if (kind < 942) {
      walk();
    } else if (kind < 950) {
      clear();
    } else if (kind < 998 || !course_.alters) {
      step(dice_.chance(70) ? 1'000'000 : dice_.below(20) + 1);
    } else {
      alter();
    }
    expect(text_of(recorder_.told()), text_of(model_.take_told()));
    if (Cache* cache = catalog_.find(name_)) expect(MemoryModel::summary(*cache), model_.summary(name_));
    EXPECT_EQ(model_.memory_fault(), std::nullopt);
  }

  /// Everything, not only what the last operation met.
  void check_all() {
    EXPECT_EQ(Check::fault_of(catalog_), std::nullopt);
    for (const Cache* cache : catalog_.caches()) {
      expect(MemoryModel::summary(*cache), model_.summary(cache->name()));
    }
    for (std::uint64_t step = 0; catalog_.next_due() <= now_ && step < 1'000'000; ++step) {
      recorder_.forget();
      this->step(1'000);
      expect(text_of(recorder_.told()), text_of(model_.take_told()));
    }
    EXPECT_EQ(catalog_.expiry_lag_ms(now_), 0U);
  }

 private:
  void expect(const std::string& is, const std::string& should_be) {
    EXPECT_EQ(is, should_be) << name_ << " " << key_;
  }

  void key() { key_ = dice_.key(course_.keys); }

  void pass_time() {
    const std::uint64_t kind = dice_.below(1'000);
    if (kind < 500) return;
    now_ += static_cast<TimeMs>(dice_.below(4));
    if (kind > 990) now_ += static_cast<TimeMs>(dice_.below(5'000));
    if (kind == 999) now_ += static_cast<TimeMs>(dice_.below(std::uint64_t{1} << dice_.below(38)));
  }

  Ttl ttl() {
    const std::uint64_t kind = dice_.below(10);
    if (kind < 5) return {};
    if (kind == 5) return {Ttl::Kind::kNone};
    return {Ttl::Kind::kGiven, dice_.below(std::uint64_t{1} << dice_.below(dice_.chance(2) ? 50 : 14))};
  }

  PutOptions put_options() {
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

  Version version_of(const std::string& key) {
    const Lookup lookup = cache_->find(key, now_);
    const auto* hit = std::get_if<Hit>(&lookup);
    return hit == nullptr || dice_.chance(30) ? dice_.below(100) : hit->entry.version;
  }

  void get() {
    key();
    expect(text_of(cache_->get(key_, now_)), text_of(model_.get(name_, key_, now_)));
  }

  void put() {
    key();
    const PutOptions options = put_options();
    const std::string value =
        dice_.value(dice_.chance(1) ? course_.value_bytes_max * 20 : course_.value_bytes_max);
    const PutOutcome outcome = cache_->put(key_, value, options, now_);
    expect(text_of(outcome), text_of(model_.put(name_, key_, value, options, now_)));
  }

  void erase() {
    key();
    std::optional<Version> if_version;
    if (dice_.chance(30)) if_version = version_of(key_);
    const EraseOutcome outcome = cache_->erase(key_, if_version, now_);
    expect(text_of(outcome), text_of(model_.erase(name_, key_, if_version, now_)));
  }

  void touch() {
    const Ttl given = ttl();
    key();
    const TouchOutcome outcome = cache_->touch(key_, given, now_);
    expect(text_of(outcome), text_of(model_.touch(name_, key_, given, now_)));
  }

  void walk() {
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

  void clear() {
    std::vector<ClearId>& clears = clears_[name_];
    if (clears.size() < 2 && dice_.chance(15)) {
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

  void step(std::uint64_t visits_max) {
    const bool has_more = catalog_.step(now_, visits_max);
    model_.step(now_, has_more);
    EXPECT_EQ(has_more, catalog_.next_due() <= now_);
  }

  void open(std::size_t which, const Settings& settings) {
    const std::string name = "c" + std::to_string(which);
    const OpenOutcome outcome = catalog_.open(name, settings, true, now_);
    ASSERT_TRUE(std::holds_alternative<Opened>(outcome));
    model_.open(name, settings);
  }

  void alter() {
    const std::size_t which = dice_.below(course_.settings.size());
    name_ = "c" + std::to_string(which);
    if (dice_.chance(20)) {
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

  const Course course_;
  Dice dice_;
  Recorder recorder_;
  Catalog catalog_{{.memory_bytes_max = course_.memory_bytes_max}, recorder_};
  MemoryModel model_{catalog_, recorder_};
  std::map<std::string, std::vector<ClearId>> clears_;
  TimeMs now_ = 1'700'000'000'000;
  std::string name_;
  std::string key_;
  Cache* cache_ = nullptr;
};

class MemoryModelTest : public testing::TestWithParam<Course> {};

TEST_P(MemoryModelTest, agrees_with_the_model) {
  const std::uint64_t seed = Dice::seed();
  std::printf("PANNIER_MODEL_SEED=%llu\n", static_cast<unsigned long long>(seed));
  Driver run(GetParam(), seed);
  for (std::uint64_t done = 0; done < PANNIER_MODEL_OPERATIONS; ++done) {
    run.one();
    if (done % 1'000 == 0) run.check_all();
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", operation " << done;
  }
}

Settings settings_of(Tier tier, PolicyKind policy) {
  Settings settings;
  settings.tier = tier;
  settings.policy = policy;
  settings.entries_max = 100;
  settings.bytes_max = 25'000;
  if (tier == Tier::kTtl) settings.age_ms_max = 700;
  return settings;
}

Settings reserving() {
  Settings settings;
  settings.stale_ms = 300;
  settings.reserved_bytes = 20'000;
  return settings;
}

std::vector<Course> courses() {
  const Settings lru = settings_of(Tier::kLru, PolicyKind::kLru);
  const Settings fifo = settings_of(Tier::kLru, PolicyKind::kFifo);
  const Settings ttl = settings_of(Tier::kTtl, PolicyKind::kLru);
  Course shared{.name = "short_of_memory", .settings = {reserving(), lru, fifo, ttl}};
  shared.memory_bytes_max = 49'152;
  shared.alters = true;
  return {{.name = "lru", .settings = {lru}},
          {.name = "fifo", .settings = {fifo}},
          {.name = "ttl", .settings = {ttl}},
          shared};
}

INSTANTIATE_TEST_SUITE_P(courses, MemoryModelTest, testing::ValuesIn(courses()),
                         [](const auto& course) { return course.param.name; });

}  // namespace
}  // namespace pannier::storage
