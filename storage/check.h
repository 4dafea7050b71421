// Check verifies that everything a catalog keeps twice agrees: counts, sums, list links, the wheel and the
// index. Its cost is that of a walk over all entries: for tests. A library of its own, which the daemon does
// not link.
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
  struct Sums;

  static Fault fault_of(const Cache& cache);
  static Fault fault_of(const Cache& cache, const Entry& entry, Sums& sums);
  static Fault fault_of_place(const Cache& cache, const Entry& entry);
  static Fault fault_of_list(const Entry* oldest, Entry::List list, std::uint64_t size);
  static Fault fault_of(const Deadlines& deadlines, std::uint64_t size);
  static Fault fault_of_sums(const Cache& cache, const Sums& sums);
};

}  // namespace pannier::storage
