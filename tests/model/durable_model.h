// DurableModel: what a durable cache must answer, whatever is in memory and whatever is on disk, and what of
// it a crash may leave. One key after the other, in the plainest containers.
//
// Each change of a key is remembered with its dirty sequence until the disk surely has it. After a crash that
// finds all changes up to a sequence clean, each key must be in a state that is not older than its latest one
// of these.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/cache.h"

namespace pannier::storage {

class DurableModel {
 public:
  struct State {
    std::string value;
    Version version = 0;
    TimeMs deadline = kNever;
    std::uint64_t stale_ms = 0;
    bool is_expired = false;  ///< its expiry was told
  };

  /// The live state, null if there is none.
  const State* live(const std::string& key, TimeMs now) const;
  Lookup lookup(const std::string& key, TimeMs now) const;
  std::set<std::string> live_keys(const std::string& prefix, TimeMs now) const;
  const std::map<std::string, State>& states() const { return states_; }

  /// Each: the key is so from now on; `sequence` is its dirty sequence, 0 if the disk has it.
  void put(const std::string& key, State state, std::uint64_t sequence);
  void erase(const std::string& key, std::uint64_t sequence);
  void touch(const std::string& key, TimeMs deadline, std::uint64_t sequence);
  /// The same value, deadline and stale window were written: only the version is new.
  void renew(const std::string& key, Version version);
  /// False if that must not be told: it is not due, or was told already.
  bool expire(const std::string& key, TimeMs now);

  /// A clear begins: what it covers is absent, and until it ends a crash may bring it back. The number of
  /// live entries.
  std::uint64_t clear_begin(const std::string& prefix, TimeMs now);
  void clear_end(const std::string& prefix);

  /// What is wrong with what a crash at `now` left, if anything. Otherwise that is the state from now on.
  std::optional<std::string> crashed(const std::map<std::string, State>& disk, std::uint64_t clean_through,
                                     TimeMs now);
  /// What is wrong with the disk when nothing is dirty and no clear under way. Otherwise it surely has the
  /// present state.
  std::optional<std::string> synced(const std::map<std::string, State>& disk, TimeMs now);

 private:
  struct Change {
    std::uint64_t sequence;
    std::optional<State> state;
    bool is_clear = false;
  };

  void remember(const std::string& key, std::uint64_t sequence);
  static bool is_same(const std::optional<State>& a, const std::optional<State>& b, TimeMs now);

  std::map<std::string, State> states_;
  std::map<std::string, std::vector<Change>> changes_;  ///< the first of each: what the disk has at least
};

}  // namespace pannier::storage
