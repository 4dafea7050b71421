// Check verifies that everything that storage keeps twice agrees: the arena (arena_check.h, which is all that
// a start and `pannierd --check-arena` look at), and what a catalog has learned from it. Its cost is that of
// a few visits to each entry: for tests.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/catalog.h"

namespace pannier::storage {

class Check {
 public:
  /// Nothing if all is well, else the first disagreement that was met.
  static std::optional<std::string> fault_of(const Catalog& catalog);

  /// What memory has of a key, whether or not a method would answer it.
  struct Residence {
    bool is_resident = false;
    bool is_expired = false;    ///< its expiry was noticed
    bool is_unwritten = false;  ///< differs from the disk
    std::uint64_t charge_bytes = 0;
  };
  static Residence residence_of(const Cache& cache, std::string_view key);

 private:
  using Fault = std::optional<std::string>;
  struct Sums {
    std::uint64_t bytes = 0;
    std::uint64_t unwritten_bytes = 0;
  };

  static Fault fault_of(const Cache& cache);
  static Fault fault_of(const Cache& cache, EntryAt entry);
};

}  // namespace pannier::storage
