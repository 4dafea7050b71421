// Random operations on durable caches over the real store, compared with DurableModel: outcomes, walks,
// clears, and what is on disk after flushes and after crashes. Batches stay in flight and fail, loads come
// late, memory is short.
#include <gtest/gtest.h>

#include "storage/check.h"
#include "storage/leveldb_store.h"
#include "tests/model/dice.h"
#include "tests/model/durable_model.h"
#include "tests/model/recorder.h"
#include "tests/model/store_access.h"
#include "tests/model/unsynced_env.h"
#include "tests/storage/temp_dir.h"

namespace pannier::storage {
namespace {

constexpr std::uint64_t kUnlimited = UINT64_MAX;

/// What one run is like.
struct Course {
  std::string name;
  std::uint64_t memory_bytes_max;
  std::uint64_t dirty_bytes_max;

  friend void PrintTo(const Course& course, std::ostream* out) { *out << course.name; }
};

class Driver {
 public:
  Driver(const Course& course, std::uint64_t seed) : course_(course), dice_(seed) {
    store_ = need(LevelDbStore::open(directory_.file("db"), {}, &env_));
    start();
  }

  void one() {
    if (dice_.chance(40)) now_ += static_cast<TimeMs>(dice_.below(4));
    if (dice_.below(2'000) == 0) now_ += static_cast<TimeMs>(dice_.below(5'000));
    name_ = dice_.chance(50) ? "d0" : "d1";
    cache_ = catalog_->find(name_);
    key_ = dice_.key(150);
    const std::uint64_t kind = dice_.below(10'000);
    if (kind < 3'000) {
      look(kind % 3);
    } else if (kind < 6'500) {
      put();
    } else if (kind < 7'300) {
      erase();
    } else if (kind < 7'800) {
      touch();
    } else if (kind < 8'700) {
      flush();
    } else if (kind < 9'200) {
      finish_load();
    } else if (kind < 9'230) {
      walk();
    } else if (kind < 9'400) {
      clear();
    } else if (kind < 9'405) {
      sync();
    } else if (kind < 9'408) {
      drop();
    } else if (kind < 9'411) {
      crash();
    } else if (kind < 9'600) {
      crowd();
    } else {
      catalog_->step(now_, dice_.below(30) + 1);
    }
    follow_told();
    EXPECT_LE(catalog_->memory_used(), course_.memory_bytes_max);
  }

  void check_all() { EXPECT_EQ(Check::fault_of(*catalog_), std::nullopt); }

 private:
  /// A load whose result has not been handed over.
  struct Load {
    std::string name;
    std::string key;
    std::variant<Record, Absent> result;
  };
  struct Clear {
    ClearId id;
    std::string prefix;
    std::uint64_t sequence;  ///< to be clean before the disk is erased
    TimeMs began;
    std::uint64_t live;
    bool is_exact = true;  ///< nothing happened since it began that would change the count
    std::string from_key = {};
    bool is_erased = false;
    std::uint64_t erased = 0;
  };

  // -- life and death of the catalog

  void start() {
    CatalogOptions options;
    options.memory_bytes_max = course_.memory_bytes_max;
    options.dirty_bytes_max = course_.dirty_bytes_max;
    catalog_ = std::make_unique<Catalog>(options, recorder_);
    for (const CacheId id : need(store_->unfinished_drops())) finish_drop(*store_, id);
    for (const Definition& definition : need(store_->definitions())) catalog_->restore(definition);
    const Version from = need(store_->reserved_versions()) + 1;
    const Version bound = from + 100'000'000;
    need(store_->reserve_versions(bound));
    catalog_->set_versions(from, bound);
    open("d0");
    open("d1");
    open("crowd");
  }

  void open(const std::string& name) {
    Settings settings;
    settings.tier = name == "crowd" ? Tier::kLru : Tier::kDurable;
    if (name == "d1") settings.age_ms_max = 3'000;
    if (name == "d1") settings.stale_ms = 200;
    const OpenOutcome outcome = catalog_->open(name, settings, false, now_);
    const auto& opened = std::get<Opened>(outcome);
    if (opened.created && settings.tier == Tier::kDurable)
      need(store_->define(opened.cache.id(), name, settings));
  }

  void drop() {
    const auto dropped = catalog_->drop(name_);
    ASSERT_TRUE(dropped && dropped->was_durable);
    need(store_->begin_drop(dropped->id));
    finish_drop(*store_, dropped->id);
    forget(name_);
    models_[name_] = {};
    open(name_);
  }

  void forget(const std::string& name) {
    std::erase_if(loads_, [&](const Load& load) { return load.name == name; });
    clears_.erase(name);
  }

  void crash() {
    follow_told();
    const std::uint64_t clean_through = catalog_->write_back().clean_through();
    // What was in flight is on disk, or is not.
    if (batch_ && dice_.chance(50)) need(store_->write(batch_->items));
    batch_.reset();
    catalog_.reset();
    loads_.clear();
    clears_.clear();
    need(store_->reopen());
    start();
    for (const std::string name : {"d0", "d1"}) {
      EXPECT_EQ(models_[name].crashed(disk_of(name), clean_through, now_), std::nullopt) << name;
      EXPECT_EQ(catalog_->find(name)->entries(), disk_of(name).size());
    }
  }

  std::map<std::string, DurableModel::State> disk_of(const std::string& name) {
    return records_of(*store_, catalog_->find(name)->id());
  }

  // -- what is told

  void follow_told() {
    for (const Told& told : recorder_.told()) {
      if (told.change != Change::kExpired || told.cache == "crowd") continue;
      EXPECT_TRUE(models_[told.cache].expire(told.key, now_)) << told.cache << " " << told.key;
      if (clears_.contains(told.cache)) clears_[told.cache].is_exact = false;
    }
    recorder_.forget();
  }

  // -- operations on keys

  bool is_loading(const std::string& name, const std::string& key) const {
    return std::ranges::any_of(loads_,
                               [&](const Load& load) { return load.name == name && load.key == key; });
  }

  /// Runs `attempt` until it is not Cold; not at all (nothing) if the key's load is to come late, or finds no
  /// memory.
  template <typename Attempt>
  auto warm(Attempt attempt) -> std::optional<decltype(attempt())> {
    if (is_loading(name_, key_)) return std::nullopt;
    auto outcome = attempt();
    if (!std::holds_alternative<Cold>(outcome)) return outcome;
    EXPECT_FALSE(Check::residence_of(*cache_, key_).is_resident);
    loads_.push_back({name_, key_, load_now(*store_, cache_->id(), key_)});
    if (dice_.chance(30)) return std::nullopt;
    if (!hand_over(loads_.back())) return std::nullopt;
    outcome = attempt();
    EXPECT_FALSE(std::holds_alternative<Cold>(outcome)) << name_ << " " << key_;
    cache_->release_loaded(key_);
    loads_.pop_back();
    return outcome;
  }

  bool hand_over(const Load& load) {
    const bool handed = catalog_->find(load.name)->loaded(load.key, load.result, now_);
    if (!handed) {
      EXPECT_LT(course_.memory_bytes_max, kAmple);
      loads_.erase(loads_.begin() + (&load - loads_.data()));
    }
    follow_told();
    return handed;
  }

  /// A load that came late; its key was not asked for meanwhile.
  void finish_load() {
    if (loads_.empty()) return;
    const std::size_t which = dice_.below(loads_.size());
    const Load load = loads_[which];
    if (!hand_over(loads_[which])) return;
    cache_ = catalog_->find(load.name);
    expect(text_of(cache_->find(load.key, now_)), models_[load.name].lookup(load.key, now_));
    loads_.erase(loads_.begin() + static_cast<std::ptrdiff_t>(which));
    cache_->release_loaded(load.key);
  }

  void expect(const std::string& is, const Lookup& should_be) {
    // What is stale may be gone for want of memory.
    if (is == "miss" && std::holds_alternative<Stale>(should_be)) return;
    EXPECT_EQ(is, text_of(should_be)) << name_ << " " << key_;
  }

  void look(std::uint64_t how) {
    const auto is = warm([&] {
      if (how == 0) return cache_->find(key_, now_);
      return how == 1 ? cache_->get(key_, now_) : cache_->get_or_stale(key_, now_);
    });
    if (is) expect(text_of(*is), models_[name_].lookup(key_, now_));
  }

  Ttl ttl() {
    const std::uint64_t kind = dice_.below(10);
    if (kind < 6) return {};
    if (kind == 6) return {Ttl::Kind::kNone};
    return {Ttl::Kind::kGiven, dice_.below(std::uint64_t{1} << dice_.below(16))};
  }

  void note_change() {
    if (clears_.contains(name_)) clears_[name_].is_exact = false;
  }

  /// Whether a DirtyFull is right for a write that makes an entry of that charge dirty.
  void expect_dirty_full(std::uint64_t charge) {
    const Check::Residence residence = Check::residence_of(*cache_, key_);
    const std::uint64_t total = catalog_->write_back().totals().bytes;
    const std::uint64_t old_bytes = residence.is_unwritten ? residence.charge_bytes : 0;
    const bool is_over =
        charge > old_bytes && total != old_bytes && total - old_bytes + charge > course_.dirty_bytes_max;
    EXPECT_TRUE(is_over || course_.memory_bytes_max < kAmple);
  }

  void put() {
    const bool is_late = is_loading(name_, key_);
    DurableModel& model = models_[name_];
    const DurableModel::State* live = model.live(key_, now_);
    PutOptions options;
    options.ttl = ttl();
    options.keep_ttl = !is_late && dice_.chance(20);
    if (dice_.chance(20)) options.stale_ms = dice_.below(500);
    const std::uint64_t kind = is_late ? 0 : dice_.below(10);
    if (kind == 7) options.condition = {Condition::Kind::kAbsent};
    if (kind == 8) options.condition = {Condition::Kind::kPresent};
    if (kind == 9) options.condition = {Condition::Kind::kVersion, live == nullptr ? 1 : live->version};
    std::string value = dice_.value(dice_.below(50) == 0 ? 4'000 : 200);
    if (live != nullptr && dice_.chance(30)) value = live->value;

    const Settings& settings = cache_->settings();
    DurableModel::State state{value};
    state.stale_ms = options.stale_ms.value_or(settings.stale_ms);
    if (settings.age_ms_max) state.deadline = later(now_, *settings.age_ms_max);
    if (options.ttl.kind == Ttl::Kind::kNone) state.deadline = kNever;
    if (options.ttl.kind == Ttl::Kind::kGiven) state.deadline = later(now_, options.ttl.ms);
    if (options.keep_ttl && live != nullptr) {
      state.deadline = live->deadline;
      state.stale_ms = live->stale_ms;
    }
    const bool holds = (kind != 7 || live == nullptr) && ((kind != 8 && kind != 9) || live != nullptr);

    const auto attempt = [&] { return cache_->put(key_, value, options, now_); };
    const std::optional<PutOutcome> outcome = is_late ? std::optional(attempt()) : warm(attempt);
    follow_told();
    if (!outcome) return;
    if (std::holds_alternative<DirtyFull>(*outcome))
      return expect_dirty_full(entry_charge(key_.size(), value.size()));
    if (const auto* big = std::get_if<TooBig>(&*outcome)) {
      EXPECT_GT(big->charge_bytes, course_.memory_bytes_max - 4'096);
      return;
    }
    EXPECT_EQ(std::holds_alternative<Written>(*outcome), holds) << text_of(*outcome);
    const auto* written = std::get_if<Written>(&*outcome);
    if (written == nullptr) return;
    EXPECT_GT(written->version, version_last_);
    version_last_ = state.version = written->version;
    const std::uint64_t sequence = cache_->dirty_sequence(key_);
    const bool is_same = live != nullptr && live->value == value && live->deadline == state.deadline &&
                         live->stale_ms == state.stale_ms;
    note_change();
    if (is_same && sequence == 0) return model.renew(key_, written->version);
    EXPECT_GT(sequence, 0U);
    model.put(key_, state, sequence);
  }

  void erase() {
    DurableModel& model = models_[name_];
    const DurableModel::State* live = model.live(key_, now_);
    std::optional<Version> if_version;
    if (dice_.chance(30)) if_version = live == nullptr || dice_.chance(30) ? 1 : live->version;
    const auto outcome = warm([&] { return cache_->erase(key_, if_version, now_); });
    follow_told();
    if (!outcome) return;
    if (std::holds_alternative<DirtyFull>(*outcome)) return expect_dirty_full(entry_charge(key_.size(), 0));
    const bool is_held = !if_version || (live != nullptr && live->version == *if_version);
    EXPECT_EQ(std::get<Erased>(*outcome).was_live, live != nullptr && is_held) << name_ << " " << key_;
    if (!is_held) return;
    note_change();
    model.erase(key_, cache_->dirty_sequence(key_));
  }

  void touch() {
    DurableModel& model = models_[name_];
    const DurableModel::State* live = model.live(key_, now_);
    const Ttl given = ttl();
    const auto outcome = warm([&] { return cache_->touch(key_, given, now_); });
    follow_told();
    if (!outcome) return;
    if (std::holds_alternative<DirtyFull>(*outcome)) return expect_dirty_full(kUnlimited / 2);
    EXPECT_EQ(std::get<Touched>(*outcome).was_live, live != nullptr) << name_ << " " << key_;
    if (live == nullptr) return;
    TimeMs deadline = live->deadline;
    const Settings& settings = cache_->settings();
    if (given.kind == Ttl::Kind::kCacheDefault && settings.age_ms_max)
      deadline = later(now_, *settings.age_ms_max);
    if (given.kind == Ttl::Kind::kNone) deadline = kNever;
    if (given.kind == Ttl::Kind::kGiven) deadline = later(now_, given.ms);
    note_change();
    model.touch(key_, deadline, cache_->dirty_sequence(key_));
  }

  /// Other caches want memory too.
  void crowd() {
    Cache& crowd = *catalog_->find("crowd");
    crowd.put(key_, dice_.value(3'000), {}, now_);
  }

  void walk() {
    const std::string prefix = std::array<std::string, 3>{"", "b", "c1"}[dice_.below(3)];
    std::set<std::string> seen;
    std::optional<WalkPosition> position = WalkPosition{};
    while (position) {
      std::vector<std::string> keys;
      position = cache_->walk(*position, prefix, dice_.below(20) + 1, dice_.below(30) + 1, now_, keys).next;
      seen.insert(keys.begin(), keys.end());
    }
    std::optional<std::string> from = prefix;
    while (from) {
      const Scanned scanned = need(store_->scan(cache_->id(), prefix, *from, 50));
      for (const ScannedKey& key : scanned.keys) {
        if (cache_->shows_scanned(key, now_)) seen.insert(key.key);
      }
      from = scanned.next_key;
    }
    EXPECT_EQ(seen, models_[name_].live_keys(prefix, now_));
  }

  // -- the disk

  void take_batch() {
    BatchLimits limits;
    limits.items_max = dice_.below(60) + 1;
    limits.bytes_max = dice_.below(10'000);
    batch_ = catalog_->write_back().take_batch(limits);
    if (!batch_) return;
    EXPECT_LE(batch_->items.size(), limits.items_max);
    EXPECT_TRUE(batch_->bytes <= limits.bytes_max || batch_->items.size() == 1);
    EXPECT_FALSE(catalog_->write_back().take_batch(limits).has_value());
  }

  void end_batch() {
    const std::uint64_t kind = dice_.below(20);
    if (kind == 0) {
      // Failed, and is there or is not.
      if (dice_.chance(50)) need(store_->write(batch_->items));
      catalog_->write_back().batch_failed(*batch_);
    } else {
      catalog_->write_back().batch_done(*batch_, need(store_->write(batch_->items)));
    }
    batch_.reset();
  }

  /// A load that was begun before its key was written must end before that is on disk and leaves memory; the
  /// daemon lets writes wait for loads of their keys.
  bool is_load_overtaken() {
    return std::ranges::any_of(loads_, [&](const Load& load) {
      return Check::residence_of(*catalog_->find(load.name), load.key).is_resident;
    });
  }

  void flush() {
    if (!batch_) return take_batch();
    if (!is_load_overtaken()) end_batch();
  }

  /// True unless loads hold it up.
  bool flush_all() {
    while (is_load_overtaken()) finish_load();
    while (batch_ || catalog_->write_back().totals().entries > 0) {
      if (batch_) end_batch();
      take_batch();
    }
    return true;
  }

  void sync() {
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

  void clear() {
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
    if (!clear.is_erased) return erase_some(clear);
    if (cache_->clear_step(clear.id, dice_.below(100) + 1)) return;
    const std::uint64_t erased = cache_->clear_end(clear.id, clear.erased, now_);
    EXPECT_LE(erased, clear.live);
    EXPECT_TRUE(erased == clear.live || !clear.is_exact);
    models_[name_].clear_end(clear.prefix);
    clears_.erase(name_);
  }

  void erase_some(Clear& clear) {
    const EraseRange range{cache_->id(), clear.prefix, clear.from_key, cache_->clear_version(clear.id),
                           clear.began};
    const ErasedSome some = need(store_->erase_some(range, dice_.below(40) + 1));
    clear.erased += some.erased_live;
    cache_->set_disk_entries(some.disk_entries);
    clear.is_erased = !some.next_key;
    clear.from_key = some.next_key.value_or("");
  }

 public:
  static constexpr std::uint64_t kAmple = std::uint64_t{64} << 20;

 private:
  const Course course_;
  Dice dice_;
  test::TempDir directory_;
  UnsyncedEnv env_;
  Recorder recorder_;
  std::unique_ptr<LevelDbStore> store_;
  std::unique_ptr<Catalog> catalog_;
  std::map<std::string, DurableModel> models_;
  std::map<std::string, Clear> clears_;
  std::vector<Load> loads_;
  std::optional<Batch> batch_;
  Version version_last_ = 0;
  TimeMs now_ = 1'700'000'000'000;
  std::string name_;
  std::string key_;
  Cache* cache_ = nullptr;
};

class DurableModelTest : public testing::TestWithParam<Course> {};

TEST_P(DurableModelTest, agrees_with_the_model) {
  const std::uint64_t seed = Dice::seed();
  std::printf("PANNIER_MODEL_SEED=%llu\n", static_cast<unsigned long long>(seed));
  Driver driver(GetParam(), seed);
  for (std::uint64_t done = 0; done < PANNIER_MODEL_OPERATIONS; ++done) {
    driver.one();
    if (done % 1'000 == 0) driver.check_all();
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", operation " << done;
  }
}

INSTANTIATE_TEST_SUITE_P(courses, DurableModelTest,
                         testing::Values(Course{"ample_memory", Driver::kAmple, std::uint64_t{1} << 20},
                                         Course{"short_of_memory", 65'536, 20'000}),
                         [](const auto& course) { return course.param.name; });

}  // namespace
}  // namespace pannier::storage
