#include "tests/model/durable_driver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "storage/check.h"
#include "tests/model/operations.h"
#include "tests/model/store_access.h"

namespace pannier::storage {
namespace {

constexpr std::uint64_t kUnlimited = UINT64_MAX;

}  // namespace

DurableDriver::DurableDriver(const DurableCourse& course, std::uint64_t seed,
                             std::unique_ptr<DurableStore> store)
    : course_(course), dice_(seed), store_(std::move(store)) {}

void DurableDriver::one() {
  if (!catalog_) start();
  if (catalog_->versions_left() < course_.versions_block / 2) reserve_versions();
  if (dice_.chance(40)) now_ += static_cast<TimeMs>(dice_.below(4));
  if (dice_.below(2'000) == 0) now_ += static_cast<TimeMs>(dice_.below(5'000));
  name_ = dice_.chance(50) ? "d0" : "d1";
  cache_ = catalog_->find(name_);
  key_ = dice_.key(course_.keys);
  operate(dice_.below(10'000));
  follow_told();
  note_warmth();
  EXPECT_LE(catalog_->memory_used(), course_.memory_bytes_max);
}

void DurableDriver::operate(std::uint64_t kind) {
  if (kind < 3'000) return look(kind % 3);
  if (kind < 6'500) return put();
  if (kind < 7'300) return erase();
  if (kind < 7'800) return touch();
  if (kind < 8'700) return flush();
  if (kind < 9'200) return finish_load();
  if (kind < 9'230) return walk();
  if (kind < 9'400) return clear();
  const std::uint64_t rare = (kind - 9'400) / course_.rare_weight;
  if (rare < 5) return sync();
  if (rare < 8) return drop();
  if (rare < 11) return crash();
  if (kind < 9'600) return crowd();
  if (kind >= 9'990) return expire_on_disk();
  if (kind >= 9'890) return rest();
  catalog_->step(now_, dice_.below(30) + 1);
}

void DurableDriver::check_sums() { EXPECT_EQ(Check::fault_of(*catalog_), std::nullopt); }

void DurableDriver::check_pressure() const {
  if (course_.is_short) {
    EXPECT_GT(left_memory_, kOperations / 100);
    // With ample memory few are on disk alone, and few of those expire: in a short run it may be none.
    if (!kChecksEach) {
      EXPECT_GT(left_disk_, 0U);
    }
  } else {
    EXPECT_EQ(left_memory_, 0U);
  }
}

// -- what is told, and what is in memory

void DurableDriver::follow_told() {
  for (const Told& told : recorder_.told()) {
    if (told.change != Change::kExpired || told.cache == "crowd") continue;
    EXPECT_TRUE(models_[told.cache].expire(told.key, now_)) << told.cache << " " << told.key;
    if (clears_.contains(told.cache)) clears_[told.cache].is_exact = false;
  }
  recorder_.forget();
}

void DurableDriver::note_warmth() {
  const bool is_warm = models_[name_].live(key_, now_) != nullptr &&
                       Check::residence_of(*catalog_->find(name_), key_).is_resident;
  is_warm ? void(warm_.insert({name_, key_})) : void(warm_.erase({name_, key_}));
}

void DurableDriver::note_cold() {
  EXPECT_FALSE(Check::residence_of(*cache_, key_).is_resident);
  if (models_[name_].live(key_, now_) != nullptr && warm_.contains({name_, key_})) ++left_memory_;
}

void DurableDriver::look_for_cold() {
  left_memory_ += std::erase_if(warm_, [&](const auto& entry) {
    const auto& [name, key] = entry;
    return models_[name].live(key, now_) != nullptr &&
           !Check::residence_of(*catalog_->find(name), key).is_resident;
  });
}

void DurableDriver::note_change() {
  if (clears_.contains(name_)) clears_[name_].is_exact = false;
}

// -- operations on keys

bool DurableDriver::is_loading(const std::string& name, const std::string& key) const {
  return std::ranges::any_of(loads_, [&](const Load& load) { return load.name == name && load.key == key; });
}

template <typename Attempt>
auto DurableDriver::warm(Attempt attempt) -> std::optional<decltype(attempt())> {
  if (is_loading(name_, key_)) return std::nullopt;
  auto outcome = attempt();
  if (!std::holds_alternative<Cold>(outcome)) return outcome;
  note_cold();
  loads_.push_back({name_, key_, load_now(*store_, cache_->id(), key_)});
  if (dice_.chance(30)) return std::nullopt;
  if (!hand_over(loads_.back())) return std::nullopt;
  outcome = attempt();
  EXPECT_FALSE(std::holds_alternative<Cold>(outcome)) << name_ << " " << key_;
  cache_->release_loaded(key_);
  loads_.pop_back();
  return outcome;
}

bool DurableDriver::hand_over(const Load& load) {
  const bool handed = catalog_->find(load.name)->loaded(load.key, load.result, now_);
  if (!handed) {
    EXPECT_TRUE(course_.is_short);
    loads_.erase(loads_.begin() + (&load - loads_.data()));
  }
  follow_told();
  return handed;
}

void DurableDriver::finish_load() {
  if (loads_.empty()) return;
  const std::size_t which = dice_.below(loads_.size());
  const Load load = loads_[which];
  if (!hand_over(loads_[which])) return;
  cache_ = catalog_->find(load.name);
  expect(text_of(cache_->find(load.key, now_)), models_[load.name].lookup(load.key, now_));
  loads_.erase(loads_.begin() + static_cast<std::ptrdiff_t>(which));
  cache_->release_loaded(load.key);
}

void DurableDriver::expect(const std::string& is, const Lookup& should_be) {
  // What is stale may be gone for want of memory.
  if (is == "miss" && std::holds_alternative<Stale>(should_be)) return;
  EXPECT_EQ(is, text_of(should_be)) << name_ << " " << key_;
}

void DurableDriver::look(std::uint64_t how) {
  const auto is = warm([&] {
    if (how == 0) return cache_->find(key_, now_);
    return how == 1 ? cache_->get(key_, now_) : cache_->get_or_stale(key_, now_);
  });
  if (is) expect(text_of(*is), models_[name_].lookup(key_, now_));
}

Ttl DurableDriver::ttl() {
  const std::uint64_t kind = dice_.below(10);
  if (kind < 6) return {};
  if (kind == 6) return {Ttl::Kind::kNone};
  return {Ttl::Kind::kGiven, dice_.below(std::uint64_t{1} << dice_.below(16))};
}

std::string DurableDriver::value(const State* live) {
  if (live != nullptr && dice_.chance(30)) return live->value;
  if (dice_.below(2'000) == 0) return dice_.value(course_.value_bytes_huge);
  return dice_.value(dice_.below(50) == 0 ? course_.value_bytes_large : course_.value_bytes_max);
}

PutOptions DurableDriver::put_options(const State* live, bool is_late) {
  PutOptions options;
  options.ttl = ttl();
  options.keep_ttl = !is_late && dice_.chance(20);
  if (dice_.chance(20)) options.stale_ms = dice_.below(500);
  const std::uint64_t kind = is_late ? 0 : dice_.below(10);
  if (kind == 7) options.condition = {Condition::Kind::kAbsent};
  if (kind == 8) options.condition = {Condition::Kind::kPresent};
  if (kind == 9) options.condition = {Condition::Kind::kVersion, live == nullptr ? 1 : live->version};
  return options;
}

DurableModel::State DurableDriver::state_after(const PutOptions& options, const std::string& value,
                                               const State* live) const {
  const Settings& settings = cache_->settings();
  State state{value};
  state.stale_ms = options.stale_ms.value_or(settings.stale_ms);
  if (settings.age_ms_max) state.deadline = later(now_, *settings.age_ms_max);
  if (options.ttl.kind == Ttl::Kind::kNone) state.deadline = kNever;
  if (options.ttl.kind == Ttl::Kind::kGiven) state.deadline = later(now_, options.ttl.ms);
  if (options.keep_ttl && live != nullptr) {
    state.deadline = live->deadline;
    state.stale_ms = live->stale_ms;
  }
  return state;
}

void DurableDriver::put() {
  const bool is_late = is_loading(name_, key_);
  const State* live = models_[name_].live(key_, now_);
  const PutOptions options = put_options(live, is_late);
  const std::string bytes = value(live);
  const State state = state_after(options, bytes, live);

  const auto attempt = [&] { return cache_->put(key_, bytes, options, now_); };
  const std::optional<PutOutcome> outcome = is_late ? std::optional(attempt()) : warm(attempt);
  follow_told();
  if (!outcome) return;
  const std::uint64_t charge = catalog_->options().charge(key_.size(), bytes.size());
  if (std::holds_alternative<DirtyFull>(*outcome)) return expect_dirty_full(charge);
  if (const auto* big = std::get_if<TooBig>(&*outcome)) return expect_too_big(*big, charge);
  using Kind = Condition::Kind;
  const Kind kind = options.condition.kind;
  const bool holds = kind == Kind::kAlways || (kind == Kind::kAbsent) == (live == nullptr);
  EXPECT_EQ(std::holds_alternative<Written>(*outcome), holds) << text_of(*outcome);
  if (std::holds_alternative<Written>(*outcome)) check_written(*outcome, state, live);
}

void DurableDriver::check_written(const PutOutcome& outcome, State state, const State* live) {
  const auto& written = std::get<Written>(outcome);
  EXPECT_GT(written.version, version_last_);
  version_last_ = state.version = written.version;
  const std::uint64_t sequence = cache_->dirty_sequence(key_);
  const bool is_same = live != nullptr && live->value == state.value && live->deadline == state.deadline &&
                       live->stale_ms == state.stale_ms;
  note_change();
  if (is_same && sequence == 0) return models_[name_].renew(key_, written.version);
  EXPECT_GT(sequence, 0U);
  models_[name_].put(key_, std::move(state), sequence);
}

/// Whether a DirtyFull is right for a write that makes an entry of that charge dirty.
void DurableDriver::expect_dirty_full(std::uint64_t charge) {
  const Check::Residence residence = Check::residence_of(*cache_, key_);
  const std::uint64_t total = catalog_->write_back().totals().bytes;
  const std::uint64_t old_bytes = residence.is_unwritten ? residence.charge_bytes : 0;
  const bool is_over =
      charge > old_bytes && total != old_bytes && total - old_bytes + charge > course_.dirty_bytes_max;
  EXPECT_TRUE(is_over || course_.is_short);
}

void DurableDriver::expect_too_big(const TooBig& big, std::uint64_t charge) const {
  EXPECT_TRUE(course_.is_short);
  EXPECT_FALSE(big.limit_is_of_cache);
  EXPECT_EQ(big.charge_bytes, charge);
  EXPECT_GT(charge, big.limit_bytes);
  EXPECT_GE(big.limit_bytes, course_.memory_bytes_max / 4);
  EXPECT_LE(big.limit_bytes, course_.memory_bytes_max);
}

void DurableDriver::erase() {
  DurableModel& model = models_[name_];
  const State* live = model.live(key_, now_);
  std::optional<Version> if_version;
  if (dice_.chance(30)) if_version = live == nullptr || dice_.chance(30) ? 1 : live->version;
  const auto outcome = warm([&] { return cache_->erase(key_, if_version, now_); });
  follow_told();
  if (!outcome) return;
  if (std::holds_alternative<DirtyFull>(*outcome))
    return expect_dirty_full(catalog_->options().charge(key_.size(), 0));
  const bool is_held = !if_version || (live != nullptr && live->version == *if_version);
  EXPECT_EQ(std::get<Erased>(*outcome).was_live, live != nullptr && is_held) << name_ << " " << key_;
  if (!is_held) return;
  note_change();
  model.erase(key_, cache_->dirty_sequence(key_));
}

void DurableDriver::touch() {
  DurableModel& model = models_[name_];
  const State* live = model.live(key_, now_);
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

void DurableDriver::crowd() {
  Cache& crowd = *catalog_->find("crowd");
  crowd.put(key_, dice_.value(course_.crowd_bytes_max), {}, now_);
}

void DurableDriver::walk() {
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
    need(scanned.unreadable);
    for (const ScannedKey& key : scanned.keys) {
      if (cache_->shows_scanned(key, now_)) seen.insert(key.key);
    }
    from = scanned.next_key;
  }
  EXPECT_EQ(seen, models_[name_].live_keys(prefix, now_));
}

}  // namespace pannier::storage
