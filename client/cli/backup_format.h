// The file of `pannier backup`, in bytes: BACKUP.md is the document of it. An encoder that turns caches and
// their records into blocks, and a decoder that takes them apart again and notices every byte that is not as
// it was written. Neither does I/O, and neither knows the daemon.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pannier::cli {

/// A durable cache and what it was opened with.
struct BackupCache {
  std::string name;
  std::optional<std::uint64_t> max_age_ms;
  std::uint64_t stale_ms = 0;
  std::uint64_t reserved_bytes = 0;
  std::uint64_t entries = 0;  ///< about how many records follow, for those who tell how far they are

  bool operator==(const BackupCache&) const = default;
};

/// An entry. Key and value are views of whatever it was made from.
struct BackupRecord {
  std::uint32_t cache = 0;  ///< its place among the caches, from 0
  std::string_view key;
  std::string_view value;  ///< one MessagePack object
  std::uint64_t version = 0;
  std::optional<std::int64_t> deadline_ms;  ///< milliseconds of the wall clock since 1970
  std::uint64_t stale_ms = 0;

  bool operator==(const BackupRecord&) const = default;
};

struct BackupTotals {
  std::uint64_t caches = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;    ///< of keys and values
  std::uint64_t missing = 0;  ///< records that could not be read when it was made

  bool operator==(const BackupTotals&) const = default;
};

/// Writes the parts in this order: start (the constructor), all caches, all records, end.
class BackupEncoder {
 public:
  /// Gets the bytes of the file, piece by piece, from within the methods.
  using Sink = std::function<void(std::string_view bytes)>;

  BackupEncoder(std::int64_t made_at_ms, Sink sink);

  void cache(const BackupCache& cache);
  void record(const BackupRecord& record);
  /// `missing`: how many records could not be read.
  void end(std::uint64_t missing = 0);

  const BackupTotals& totals() const { return totals_; }
  /// After end(): over the whole file, by which it can be told from others.
  std::uint64_t checksum() const { return checksum_; }

 private:
  void start_block(char kind);
  void end_block();

  Sink sink_;
  std::string block_;
  std::uint64_t checksum_ = 0;
  BackupTotals totals_;
};

/// What is wrong with a file, and where: the offset of the block that it was found in.
struct BackupFault {
  std::uint64_t offset = 0;
  std::string text;
};

class BackupDecoder {
 public:
  /// Fills `to` with the next `size` bytes of the file; how many there were, fewer only at its end.
  using Source = std::function<std::size_t(char* to, std::size_t size)>;

  struct Start {
    std::int64_t made_at_ms;
  };
  struct Records {
    std::vector<BackupRecord> records;  ///< valid until the next call
  };
  struct End {
    BackupTotals totals;
    std::uint64_t checksum;
  };
  using Part = std::variant<Start, BackupCache, Records, End, BackupFault>;

  explicit BackupDecoder(Source source) : source_(std::move(source)) {}

  /// The next part: one Start, caches, records, one End. Nothing comes after End or a fault. Takes memory for
  /// what is there, not for what is announced.
  Part next();

 private:
  Part read_start();
  Part read_block();
  /// Appends `size` bytes to `block_`; false if the file ends before.
  bool take(std::size_t size);
  Part decode(char kind, std::string_view payload);
  Part decode_cache(std::string_view payload);
  Part decode_records(std::string_view payload);
  Part decode_end(std::string_view payload);
  BackupFault fault(std::string text) const { return {offset_, std::move(text)}; }
  BackupFault cut_short() const;

  Source source_;
  std::string block_;
  std::uint64_t offset_ = 0;  ///< of the block that is read
  std::uint64_t checksum_ = 0;
  bool has_started_ = false;
  BackupTotals totals_;
};

}  // namespace pannier::cli
