// MemoryModel: what a catalog of caches in memory must do, in the plainest containers, in no hurry. It
// predicts every outcome, version, deadline, charge, counter, and the order of everything that is told.
//
// Where the rules leave something open it looks at what the catalog did, and checks that the rules allow it:
// the order of entries that are due in the same millisecond, how far a step with a budget comes, and when the
// memory is short. What goes then, and what before what, is exact; how much has to go is the allocator's
// matter, and bounded.
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

  /// What went for memory since the beginning, of all caches.
  struct Pressure {
    std::uint64_t expired = 0;
    std::uint64_t stale = 0;
    std::uint64_t evicted = 0;
    std::uint64_t spared = 0;  ///< evictions while a protected cache had an entry that was used less recently
    std::uint64_t too_big = 0;    ///< puts that were refused
    std::uint64_t taken_max = 0;  ///< stale ones and evictions of one put
    double of_bound_max = 0;      ///< the largest part of what one put may take that one took
  };

  void open(const std::string& name, const Settings& settings, TimeMs now);
  void drop(const std::string& name);

  Lookup find(const std::string& name, const std::string& key, TimeMs now);
  Lookup get(const std::string& name, const std::string& key, TimeMs now);
  Lookup get_or_stale(const std::string& name, const std::string& key, TimeMs now);
  /// `answered` is looked at where the memory limit refused the entry.
  PutOutcome put(const std::string& name, const std::string& key, const std::string& value,
                 const PutOptions& options, TimeMs now, const PutOutcome& answered);
  EraseOutcome erase(const std::string& name, const std::string& key, std::optional<Version> if_version,
                     TimeMs now);
  TouchOutcome touch(const std::string& name, const std::string& key, Ttl ttl, TimeMs now);
  std::set<std::string> walk(const std::string& name, const std::string& prefix, TimeMs now);
  /// All that is there, whether or not it would be answered.
  std::vector<std::string> keys(const std::string& name);

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
  std::optional<std::string> memory_fault() const;
  const Pressure& pressure() const { return pressure_; }

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
  struct Box {
    std::string name;
    Settings settings;
    std::map<std::string, Item> items;
    std::map<std::uint64_t, std::string> recency;
    std::map<std::uint64_t, std::string> stale;
    std::set<std::pair<TimeMs, std::string>> dues;
    CacheStats stats;
    std::uint64_t bytes = 0;
    std::vector<Clear> clears;
  };
  using Position = std::map<std::string, Item>::iterator;
  /// For whom memory is made.
  struct Writer {
    const Box* box;
    const std::string* old_key;  ///< present and to be replaced: it stays; null if there is none

    const std::string* except_in(const Box& other) const { return box == &other ? old_key : nullptr; }
  };
  /// What went for one writer, without what has expired.
  struct Taken {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
  };

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
  static bool has_due(const Box& box, TimeMs now);
  /// Of those due first, what the catalog took. False if nothing.
  bool take_due(Box& box, TimeMs now);
  /// The same where one of them had to go. False if nothing is due.
  bool expire_some(Box& box, TimeMs now);
  bool drop_stale(Box& box, const std::string* except);
  bool evict(Box& box, const std::string* except);
  void take_silently_gone(Box& box, TimeMs now);

  // -- memory_model_room.cc

  /// Why there is none, if the rules or `answered` say so.
  std::optional<PutOutcome> make_room(Box& box, const std::string* old_key, std::uint64_t charge, TimeMs now,
                                      const PutOutcome& answered);
  std::optional<TooBig> too_big(const Box& box, std::uint64_t charge, std::uint64_t old_charge,
                                const PutOutcome& answered);
  std::uint64_t reserved_by_others(const Box& box) const;
  void make_memory(const Writer& writer, std::uint64_t charge, TimeMs now);
  /// Each: one entry that the catalog took for memory, if it may be the next to go. False if there is none.
  bool expire_for_memory(TimeMs now);
  bool drop_stale_for_memory(const Writer& writer, TimeMs now, Taken& taken);
  bool evict_for_memory(const Writer& writer, TimeMs now, Taken& taken);
  /// The place and holder of the stale entry that goes first.
  std::optional<std::pair<std::uint64_t, Box*>> oldest_stale(const Writer& writer) const;
  void check_none_due(TimeMs now, const std::string& went) const;
  void check_amount(const Taken& taken, std::uint64_t charge);

  Catalog& real_;
  const Recorder& recorder_;
  std::vector<std::unique_ptr<Box>> boxes_;
  std::vector<Told> told_;
  Version version_next_ = 1;
  std::uint64_t stamp_ = 0;
  Pressure pressure_;
};

}  // namespace pannier::storage
