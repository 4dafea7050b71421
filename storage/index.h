// Index: finds a cache's entries by key. A chained hash table that grows and shrinks by one bucket at a time
// (linear hashing: W. Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980), in
// segments that are never moved: no step is long, whatever the number of entries. It owns buckets, not
// entries.
//
// A walk goes by points (hash.h), not by buckets: the range of points behind a cursor stays the same however
// the table grows or shrinks.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/entry.h"

namespace pannier::storage {

class Index {
 public:
  /// All memory that the index takes is added to `memory_bytes`.
  explicit Index(std::uint64_t& memory_bytes) : memory_bytes_(memory_bytes) {}
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  Entry* find(std::uint64_t hash, std::string_view key) const;
  /// Precondition: its key is not in the index.
  void insert(Entry& entry);
  /// Precondition of both: `entry` (`old_entry`) is in the index; `fresh` has the same key.
  void erase(Entry& entry);
  void replace(Entry& old_entry, Entry& fresh);
  /// Takes out any one entry; null if there is none.
  Entry* take_any();

  std::uint64_t size() const { return size_; }
  std::uint64_t buckets() const { return buckets_; }
  std::uint64_t bytes() const { return bytes_; }
  /// By how much the next insert() makes bytes() grow.
  std::uint64_t growth_bytes() const;
  /// What bytes() is with a single entry.
  static std::uint64_t bytes_min();

  /// A chain of entries, and the last point that belongs to it.
  struct Bucket {
    Entry* first;
    std::uint64_t last_point;

    /// Where the next bucket starts; nothing after the last.
    std::optional<std::uint64_t> next_point() const {
      return last_point + 1 == 0 ? std::nullopt : std::optional(last_point + 1);
    }
  };
  /// The bucket whose range of points has `point`.
  Bucket bucket_at(std::uint64_t point) const;

 private:
  static constexpr std::uint64_t kFanOut = 256;
  struct Segment {
    std::array<Entry*, kFanOut> heads{};
  };
  struct Directory {
    std::array<std::unique_ptr<Segment>, kFanOut> segments{};
  };

  Entry*& head(std::uint64_t bucket) const;
  std::uint64_t bucket_of(std::uint64_t hash) const;
  /// The number of low bits of a hash that tell its bucket, which `bucket` is one of.
  unsigned bits_of(std::uint64_t bucket) const;
  Entry** link_to(const Entry& entry) const;
  void append_bucket();
  void remove_last_bucket();
  void split();
  void merge();
  void shrink();
  void add_bytes(std::uint64_t bytes);
  void subtract_bytes(std::uint64_t bytes);

  std::vector<std::unique_ptr<Directory>> directories_;
  std::uint64_t buckets_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t& memory_bytes_;
};

}  // namespace pannier::storage
