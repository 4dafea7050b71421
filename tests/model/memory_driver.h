// MemoryDriver: random operations on a catalog of caches in memory, each done to its MemoryModel too, and
// compared: outcome, order of what is told, counters, bytes. Disagreements are failures of the running test.
#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "tests/model/dice.h"
#include "tests/model/memory_model.h"

namespace pannier::storage {

/// What one run is like.
struct MemoryCourse {
  struct Sizes {
    std::uint64_t bytes_min;
    std::uint64_t bytes_max;
  };

  std::string name;
  std::vector<Settings> settings;  ///< one cache each
  std::uint64_t memory_bytes_max = std::uint64_t{64} << 20;
  std::uint64_t keys = 120;
  std::uint64_t key_bytes_max = 0;         ///< 0: no longer than they need to be
  std::vector<Sizes> values = {{0, 200}};  ///< of values: one phase after the other, and again
  bool alters = false;                     ///< drops, opens and alters caches too
  bool is_short = false;                   ///< of memory; else there is always enough

  friend std::ostream& operator<<(std::ostream& out, const MemoryCourse& course) {
    return out << course.name;
  }
};

class MemoryDriver {
 public:
  MemoryDriver(const MemoryCourse& course, std::uint64_t seed);

  /// One operation, and what it met is compared.
  void one();
  /// Everything that is kept twice agrees.
  void check_sums();
  /// What is due is taken back; then all counters agree.
  void check_counters();
  /// Every entry agrees.
  void check_entries();
  /// The run was what its course says.
  void check_pressure() const;
  const MemoryModel::Pressure& pressure() const { return model_.pressure(); }

 private:
  void expect(const std::string& is, const std::string& should_be);

  // -- what to do next

  void choose_key();
  std::string value();
  void pass_time();
  Ttl ttl();
  PutOptions put_options();
  Version version_of(const std::string& key);

  // -- operations

  void operate(std::uint64_t kind);
  void get();
  void find();
  void get_or_stale();
  void put();
  void erase();
  void touch();
  void walk();
  void clear();
  void step(std::uint64_t visits_max);
  void open(std::size_t which, const Settings& settings);
  void alter();

  const MemoryCourse course_;
  Dice dice_;
  Recorder recorder_;
  Catalog catalog_{{.memory_bytes_max = course_.memory_bytes_max}, recorder_};
  MemoryModel model_{catalog_, recorder_};
  std::map<std::string, std::vector<ClearId>> clears_;
  std::uint64_t done_ = 0;
  TimeMs now_ = 1'700'000'000'000;
  std::string name_;
  std::string key_;
  std::string did_;  ///< for messages
  Cache* cache_ = nullptr;
};

}  // namespace pannier::storage
