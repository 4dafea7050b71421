#include "tests/model/durable_model.h"

#include <algorithm>
#include <limits>

namespace pannier::storage {
namespace {

constexpr std::uint64_t kUnknownSequence = std::numeric_limits<std::uint64_t>::max();

std::string described(const std::string& key, const std::optional<DurableModel::State>& state) {
  if (!state) return key + " is absent";
  return key + " is " + state->value + " version " + std::to_string(state->version) + " deadline " +
         std::to_string(state->deadline);
}

std::optional<DurableModel::State> state_in(const std::map<std::string, DurableModel::State>& states,
                                            const std::string& key) {
  const auto at = states.find(key);
  return at == states.end() ? std::nullopt : std::optional(at->second);
}

}  // namespace

const DurableModel::State* DurableModel::live(const std::string& key, TimeMs now) const {
  const auto at = states_.find(key);
  return at == states_.end() || now >= at->second.deadline ? nullptr : &at->second;
}

Lookup DurableModel::lookup(const std::string& key, TimeMs now) const {
  const auto at = states_.find(key);
  if (at == states_.end()) return Miss{};
  const State& state = at->second;
  const EntryView view{state.value, state.version, state.deadline};
  if (now < state.deadline) return Hit{view};
  if (now < later(state.deadline, state.stale_ms)) return Stale{view};
  return Miss{};
}

std::set<std::string> DurableModel::live_keys(const std::string& prefix, TimeMs now) const {
  std::set<std::string> keys;
  for (const auto& [key, state] : states_) {
    if (key.starts_with(prefix) && now < state.deadline) keys.insert(key);
  }
  return keys;
}

void DurableModel::remember(const std::string& key, std::uint64_t sequence) {
  std::vector<Change>& changes = changes_[key];
  if (sequence == 0) changes.clear();
  // Before the first change there was nothing.
  if (sequence != 0 && changes.empty()) changes.push_back({0, std::nullopt});
  changes.push_back({sequence, state_in(states_, key)});
}

void DurableModel::put(const std::string& key, State state, std::uint64_t sequence) {
  states_[key] = std::move(state);
  remember(key, sequence);
}

void DurableModel::erase(const std::string& key, std::uint64_t sequence) {
  states_.erase(key);
  remember(key, sequence);
}

void DurableModel::touch(const std::string& key, TimeMs deadline, std::uint64_t sequence) {
  State& state = states_.at(key);
  if (state.deadline == deadline) return;
  state.deadline = deadline;
  remember(key, sequence);
}

void DurableModel::renew(const std::string& key, Version version) { states_.at(key).version = version; }

bool DurableModel::expire(const std::string& key, TimeMs now) {
  const auto at = states_.find(key);
  if (at == states_.end() || at->second.is_expired || now < at->second.deadline) return false;
  at->second.is_expired = true;
  return true;
}

std::uint64_t DurableModel::clear_begin(const std::string& prefix, TimeMs now) {
  std::uint64_t live = 0;
  for (auto at = states_.begin(); at != states_.end();) {
    if (!at->first.starts_with(prefix)) {
      ++at;
      continue;
    }
    if (now < at->second.deadline) ++live;
    changes_[at->first].push_back({kUnknownSequence, std::nullopt, true});
    at = states_.erase(at);
  }
  return live;
}

void DurableModel::clear_end(const std::string& prefix) {
  for (auto& [key, changes] : changes_) {
    if (!key.starts_with(prefix)) continue;
    const auto cleared = std::ranges::find(changes, true, &Change::is_clear);
    if (cleared == changes.end()) continue;
    *cleared = {0, std::nullopt};
    changes.erase(changes.begin(), cleared);
  }
}

bool DurableModel::is_same(const std::optional<State>& a, const std::optional<State>& b, TimeMs now) {
  const bool a_dead = !a || now >= a->deadline;
  const bool b_dead = !b || now >= b->deadline;
  if (a_dead || b_dead) return a_dead == b_dead;
  return a->value == b->value && a->deadline == b->deadline && a->stale_ms == b->stale_ms;
}

std::optional<std::string> DurableModel::crashed(const std::map<std::string, State>& disk,
                                                 std::uint64_t clean_through, TimeMs now) {
  for (const auto& [key, state] : disk) {
    if (!changes_.contains(key)) return described(key, state) + " on disk and was never written";
  }
  for (const auto& [key, changes] : changes_) {
    const std::optional<State> found = state_in(disk, key);
    auto oldest = changes.begin();
    for (auto change = changes.begin(); change != changes.end(); ++change) {
      if (change->sequence <= clean_through) oldest = change;
    }
    const bool is_known = std::any_of(
        oldest, changes.end(), [&](const Change& change) { return is_same(change.state, found, now); });
    if (!is_known)
      return described(key, found) + " on disk, and should be at least: " + described(key, oldest->state);
  }
  states_ = disk;
  changes_.clear();
  for (const auto& [key, state] : states_) changes_[key] = {{0, state}};
  return std::nullopt;
}

std::optional<std::string> DurableModel::synced(const std::map<std::string, State>& disk, TimeMs now) {
  for (const auto& [key, changes] : changes_) {
    const std::optional<State> found = state_in(disk, key);
    const std::optional<State> should_be = state_in(states_, key);
    if (!is_same(found, should_be, now))
      return described(key, found) + " on disk, not: " + described(key, should_be);
    if (found && should_be && found->version > should_be->version)
      return described(key, found) + ": a later version";
  }
  for (auto& [key, changes] : changes_) changes = {{0, state_in(states_, key)}};
  return std::nullopt;
}

}  // namespace pannier::storage
