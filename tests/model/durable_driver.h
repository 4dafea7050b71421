// DurableDriver: random operations on durable caches over the real store, compared with DurableModel:
// outcomes, walks, clears, and what is on disk after flushes and after crashes. Batches stay in flight and
// fail, loads come late. Disagreements are failures of the running test.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "storage/catalog.h"
#include "storage/durable_store.h"
#include "tests/model/dice.h"
#include "tests/model/durable_model.h"
#include "tests/model/recorder.h"

namespace pannier::storage {

/// What one run is like.
struct DurableCourse {
  std::string name;
  std::uint64_t memory_bytes_max;
  std::uint64_t dirty_bytes_max;
  std::uint64_t keys;
  std::uint64_t value_bytes_max;
  std::uint64_t value_bytes_large;  ///< one of fifty is up to this
  std::uint64_t value_bytes_huge;   ///< one of two thousand is up to this
  std::uint64_t crowd_bytes_max;    ///< a value of the cache that takes memory from the durable ones
  std::uint64_t batch_bytes_max;
  bool is_short;                  ///< of memory; else there is always enough
  std::uint64_t rare_weight = 1;  ///< how much more often than seldom: sync, drop, crash
  Version versions_block = 100'000'000;

  friend std::ostream& operator<<(std::ostream& out, const DurableCourse& course) {
    return out << course.name;
  }
};

class DurableDriver {
 public:
  /// The store must be empty. It may fail to write a batch; all else it has to do.
  DurableDriver(const DurableCourse& course, std::uint64_t seed, std::unique_ptr<DurableStore> store);

  /// One operation, and what it met is compared.
  void one();
  /// Everything that is kept twice agrees.
  void check_sums();
  /// Counts what has left memory since.
  void look_for_cold();
  /// The run was what its course says.
  void check_pressure() const;
  /// Ends what is under way, and writes all that is dirty.
  void finish();
  /// What is wrong with what a power loss of this moment has left, if anything. Takes its drops to their end.
  std::optional<std::string> fault_after_power_loss(DurableStore& left) const;
  /// Clean live entries that were found to have left memory.
  std::uint64_t left_memory() const { return left_memory_; }
  /// Expired entries that were found on disk alone.
  std::uint64_t left_disk() const { return left_disk_; }
  /// In which the store had something to do.
  std::uint64_t rests() const { return rests_; }

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
  using State = DurableModel::State;

  void operate(std::uint64_t kind);

  // -- life and death of the catalog

  void start();
  std::unique_ptr<Arena> new_arena();
  void reserve_versions();
  void open(const std::string& name);
  void drop();
  void forget(const std::string& name);
  void crash();
  std::map<std::string, State> disk_of(const std::string& name);

  // -- what is told, and what is in memory

  void follow_told();
  void note_warmth();
  void note_cold();
  void note_change();

  // -- operations on keys

  bool is_loading(const std::string& name, const std::string& key) const;
  /// Runs `attempt` until it is not Cold; not at all (nothing) if the key's load is to come late, or finds no
  /// memory.
  template <typename Attempt>
  auto warm(Attempt attempt) -> std::optional<decltype(attempt())>;
  bool hand_over(const Load& load);
  /// A load that came late; its key was not asked for meanwhile.
  void finish_load();
  void expect(const std::string& is, const Lookup& should_be);
  void look(std::uint64_t how);
  Ttl ttl();
  std::string value(const State* live);
  /// `is_late`: nothing that would need to know the present entry.
  PutOptions put_options(const State* live, bool is_late);
  State state_after(const PutOptions& options, const std::string& value, const State* live) const;
  void put();
  void check_written(const PutOutcome& outcome, State state, const State* live);
  void expect_dirty_full(std::uint64_t charge);
  void expect_too_big(const TooBig& big, std::uint64_t charge) const;
  void erase();
  void touch();
  /// Other caches want memory too.
  void crowd();
  void walk();

  // -- durable_disk.cc

  void take_batch();
  void write_batches();
  void end_batch();
  /// A load that was begun before its key was written must end before that is on disk and leaves memory; the
  /// daemon lets writes wait for loads of their keys.
  bool is_load_overtaken();
  void flush();
  /// Of what was taken nothing is in flight any more.
  void flush_all_given();
  void flush_all();
  void sync();
  /// Nothing was written for a moment, the store is told.
  void rest();
  void clear();
  void erase_some(Clear& clear);
  /// A walk over a cache on disk, after which what had expired there alone is gone.
  void expire_on_disk();
  void expire_scanned(const std::string& name, const ScannedKey& scanned);
  void check_expired_on_disk(const std::string& name);

  // -- durable_survivors.cc

  /// A cache that is being dropped: its id, and what was clean of it.
  struct Leaving {
    CacheId id;
    std::uint64_t clean_through;
  };
  std::optional<std::string> fault_of_cache(const DurableStore& left, const Definition& definition) const;
  std::optional<std::string> fault_of_catalog(const DurableStore& left) const;

  const DurableCourse course_;
  Dice dice_;
  Recorder recorder_;
  std::unique_ptr<DurableStore> store_;
  std::unique_ptr<Catalog> catalog_;
  std::map<std::string, DurableModel> models_;
  std::map<std::string, CacheId> defined_;             ///< by name: surely on disk
  std::map<std::string, Leaving> leaving_;             ///< by name: whose drop may not be on disk
  std::optional<std::uint64_t> clean_through_before_;  ///< a crash, while models are as before it
  Version versions_bound_ = 0;
  std::map<std::string, Clear> clears_;
  std::vector<Load> loads_;
  std::vector<Batch> taken_;                            // as they were; none of them is written
  std::deque<std::pair<Batch, Wrote>> written_;         // before those; memory has yet to hear of it
  std::set<std::pair<std::string, std::string>> warm_;  ///< cache and key: live in memory when last asked for
  std::uint64_t left_memory_ = 0;
  std::uint64_t left_disk_ = 0;
  std::uint64_t rests_ = 0;
  Version version_last_ = 0;
  TimeMs now_ = 1'700'000'000'000;
  std::string name_;
  std::string key_;
  Cache* cache_ = nullptr;
};

}  // namespace pannier::storage
