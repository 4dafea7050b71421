// Ledger: a cache of storage's own code, and beside it an account of what lives in it, kept by what storage
// tells its listener; and of what each put made go. Entries have numbers, given by the caller, best without
// gaps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/catalog.h"

namespace pannier::bench {

/// What one put did.
struct PutCost {
  bool is_written = false;
  double ns = 0;
  std::uint64_t evicted = 0;
  std::uint64_t evicted_bytes = 0;  ///< their charges
  std::uint64_t moved = 0;          ///< entries and pieces, to free a page
  std::uint64_t moved_bytes = 0;
};

class Ledger final : public storage::ChangeListener {
 public:
  explicit Ledger(std::uint64_t limit_bytes);

  PutCost put(std::uint64_t number, std::size_t value_bytes);
  void erase(std::uint64_t number);

  std::uint64_t live_entries() const { return live_entries_; }
  /// Bytes of keys and values.
  std::uint64_t live_payload_bytes() const { return live_payload_bytes_; }
  /// What is live, each with the overhead that is allowed, of the limit.
  double live_share() const;

  void changed(const storage::Cache& cache, std::string_view key, storage::Change change) override;

 private:
  static constexpr std::uint32_t kGone = 0xffffffff;

  static storage::CatalogOptions options(std::uint64_t limit_bytes);
  void forget(std::uint64_t number);
  /// What the daemon does between requests.
  void keep_house();

  std::uint64_t limit_bytes_;
  storage::Catalog catalog_;
  storage::Cache* cache_;
  std::vector<std::uint32_t> value_bytes_;  ///< by number; kGone for none
  std::string value_;
  PutCost cost_;
  std::uint64_t live_entries_ = 0;
  std::uint64_t live_payload_bytes_ = 0;
  std::uint64_t calls_ = 0;
};

}  // namespace pannier::bench
