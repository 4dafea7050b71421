#include "tests/bench/ledger.h"

#include <array>
#include <chrono>
#include <cstring>
#include <variant>

#include "tests/bench/shifting.h"
#include "tests/bench/work.h"

namespace pannier::bench {
namespace {

constexpr std::size_t kValueBytesLargest = std::size_t{16} << 20;
constexpr std::uint64_t kCallsBetweenHousekeeping = 256;
constexpr std::uint64_t kVisitsPerStep = 4'096;

/// 16 bytes that tell the number.
Key key_with(std::uint64_t number) {
  Key key{};
  std::memcpy(key.data(), &number, sizeof number);
  return key;
}

std::uint64_t number_in(std::string_view key) {
  std::uint64_t number = 0;
  std::memcpy(&number, key.data(), sizeof number);
  return number;
}

}  // namespace

Ledger::Ledger(std::uint64_t limit_bytes)
    : limit_bytes_(limit_bytes), catalog_(options(limit_bytes), *this), value_(kValueBytesLargest, 'v') {
  catalog_.set_versions(1, storage::kVersionMax);
  catalog_.open("lru", {}, false, 0);
  cache_ = catalog_.find("lru");
}

storage::CatalogOptions Ledger::options(std::uint64_t limit_bytes) {
  storage::CatalogOptions options;
  options.memory_bytes_max = limit_bytes;
  return options;
}

PutCost Ledger::put(std::uint64_t number, std::size_t value_bytes) {
  keep_house();
  const Key key = key_with(number);
  cost_ = {};
  const auto before = catalog_.arena_stats();
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome = cache_->put(view_of(key), std::string_view(value_).substr(0, value_bytes), {}, 0);
  const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
  const auto after = catalog_.arena_stats();
  cost_.ns = taken.count();
  cost_.moved = after.moved_entries - before.moved_entries;
  cost_.moved_bytes = after.moved_bytes - before.moved_bytes;
  cost_.is_written = std::holds_alternative<storage::Written>(outcome);
  if (!cost_.is_written) return cost_;
  forget(number);
  if (number >= value_bytes_.size()) value_bytes_.resize(number + 1, kGone);
  value_bytes_[number] = static_cast<std::uint32_t>(value_bytes);
  ++live_entries_;
  live_payload_bytes_ += kKeyBytes + value_bytes;
  return cost_;
}

void Ledger::erase(std::uint64_t number) {
  keep_house();
  const Key key = key_with(number);
  cache_->erase(view_of(key), std::nullopt, 0);
  forget(number);
}

double Ledger::live_share() const {
  return (static_cast<double>(live_payload_bytes_) + kOverheadBytes * static_cast<double>(live_entries_)) /
         static_cast<double>(limit_bytes_);
}

void Ledger::changed(const storage::Cache&, std::string_view key, storage::Change change) {
  if (change != storage::Change::kEvicted) return;
  const std::uint64_t number = number_in(key);
  ++cost_.evicted;
  cost_.evicted_bytes += storage::entry_charge(kKeyBytes, value_bytes_[number]);
  forget(number);
}

void Ledger::forget(std::uint64_t number) {
  if (number >= value_bytes_.size() || value_bytes_[number] == kGone) return;
  --live_entries_;
  live_payload_bytes_ -= kKeyBytes + value_bytes_[number];
  value_bytes_[number] = kGone;
}

void Ledger::keep_house() {
  if (++calls_ % kCallsBetweenHousekeeping == 0 && catalog_.next_due() <= 0) catalog_.step(0, kVisitsPerStep);
}

}  // namespace pannier::bench
