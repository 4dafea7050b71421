// MemoryModel: what a catalog of caches in memory must do, in the plainest containers, in no hurry. It
// predicts every outcome, version, deadline, charge, counter, and the order of everything that is told.
//
// Where the rules leave the order open, among entries that are due in the same millisecond and in how far a
// step with a budget comes, it looks at what the catalog did, and checks that the rules allow it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/catalog.h"
#include "tests/model/recorder.h"

namespace pannier::storage {

class MemoryModel {
 public:
  /// `real` and `recorder` are looked at, never changed. Each method is called after the catalog's, with what
  /// that was called with, and `recorder` holds what was told meanwhile.
  MemoryModel(Catalog& real, const Recorder& recorder) : real_(real), recorder_(recorder) {}

  void open(const std::string& name, const Settings& settings);
  void drop(const std::string& name);
  void set_version_next(Version next) { version_next_ = next; }

  Lookup find(const std::string& name, const std::string& key, TimeMs now);
  Lookup get(const std::string& name, const std::string& key, TimeMs now);
  Lookup get_or_stale(const std::string& name, const std::string& key, TimeMs now);
  PutOutcome put(const std::string& name, const std::string& key, const std::string& value,
                 const PutOptions& options, TimeMs now);
  EraseOutcome erase(const std::string& name, const std::string& key, std::optional<Version> if_version,
                     TimeMs now);
  TouchOutcome touch(const std::string& name, const std::string& key, Ttl ttl, TimeMs now);
  std::set<std::string> walk(const std::string& name, const std::string& prefix, TimeMs now);

  void clear_begin(const std::string& name, const std::string& prefix, TimeMs now);
  void clear_step(const std::string& name);
  std::uint64_t clear_end(const std::string& name, std::size_t clear);
  std::size_t clears(const std::string& name) { return box(name).clears.size(); }

  void step(TimeMs now, bool has_more);

  /// What must have been told since the recorder forgot; to be called once an operation.
  std::vector<Told> take_told() { return std::exchange(told_, {}); }
  /// Everything that can be asked about a cache, as text.
  std::string summary(const std::string& name);
  static std::string summary(const Cache& cache);
  /// Nothing if the memory used can be right.
  std::optional<std::string> memory_fault();

 private:
  struct Item {
    std::string value;
    Version version = 0;
    TimeMs deadline = kNever;
    std::uint64_t stale_ms = 0;
    std::uint64_t charge = 0;
    std::uint64_t place = 0;
    bool is_expired = false;
  };
  struct Clear {
    std::string prefix;
    Version version;
    TimeMs began;
    std::uint64_t erased;
  };
  /// The memory of a linear hash table that holds between half an entry and one a bucket.
  struct IndexSize {
    std::uint64_t entries = 0;
    std::uint64_t buckets = 0;
    void add();
    void subtract();
    std::uint64_t bytes() const;
    std::uint64_t growth_bytes() const;
  };
  struct Box {
    std::string name;
    Settings settings;
    std::map<std::string, Item> items;
    std::map<std::uint64_t, std::string> recency;
    std::map<std::uint64_t, std::string> stale;
    std::set<std::pair<TimeMs, std::string>> dues;
    CacheStats stats;
    std::uint64_t bytes = 0;
    IndexSize index;
    std::vector<Clear> clears;
  };
  using Position = std::map<std::string, Item>::iterator;

  [[noreturn]] static void disagree(const std::string& what);
  Box& box(const std::string& name);
  static TimeMs due_of(const Item& item);
  bool is_gone(const Box& box, const std::string& key);
  Clear* clear_of(Box& box, const std::string& key, const Item& item);
  bool is_live(Box& box, Position at, TimeMs now);
  bool is_stale(Box& box, Position at, TimeMs now);
  Item* live_of(Box& box, const std::string& key, TimeMs now);
  Lookup lookup(Box& box, const std::string& key, TimeMs now);

  void tell(Box& box, const std::string& key, Change change);
  const Told* next_told() const;
  void insert(Box& box, const std::string& key, Item item, std::optional<std::uint64_t> place);
  void remove(Box& box, Position at);
  bool count_covered(Box& box, Position at);
  void expire(Box& box, Position at, TimeMs now);
  void notice(Box& box, const std::string& key, TimeMs now);
  /// Of those due first, what the catalog took. False if nothing is due.
  bool expire_some(Box& box, TimeMs now);
  bool drop_stale(Box& box, const std::string* except);
  bool evict(Box& box, const std::string* except);
  void take_silently_gone(Box& box, TimeMs now);

  std::optional<PutOutcome> make_room(Box& box, const std::string* old_key, std::uint64_t charge, TimeMs now);
  void make_memory(Box& box, const std::string* old_key, std::uint64_t charge, std::uint64_t old_charge,
                   TimeMs now);
  std::uint64_t live_bytes() const;
  std::uint64_t reserved_by_others(const Box& box) const;

  Catalog& real_;
  const Recorder& recorder_;
  std::vector<std::unique_ptr<Box>> boxes_;
  std::vector<Told> told_;
  Version version_next_ = 1;
  std::uint64_t stamp_ = 0;
  std::uint64_t dropped_bytes_ = 0;  ///< at most
};

}  // namespace pannier::storage
