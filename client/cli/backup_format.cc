#include "client/cli/backup_format.h"

#include <algorithm>
#include <utility>

#include "protocol/cursor.h"
#include "protocol/limits.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace pannier::cli {

namespace {

constexpr std::string_view kMagic = "PANNIERB";
constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kStartBytes = 8 + 4 + 8;
constexpr std::size_t kBlockStartBytes = 1 + 4;
constexpr std::size_t kChecksumBytes = 8;

constexpr char kCacheBlock = 'C';
constexpr char kRecordsBlock = 'R';
constexpr char kEndBlock = 'E';

/// A block of records is closed when it is as long as this; a longer record has one of its own.
constexpr std::size_t kRecordsBytes = std::size_t{256} << 10;
constexpr std::uint64_t kValueBytesMax = std::uint64_t{1} << 30;
constexpr std::uint64_t kPayloadBytesMax = kValueBytesMax + (std::uint64_t{1} << 20);
/// What is read of a file at once, so that a length that is wrong takes no memory.
constexpr std::size_t kReadBytes = std::size_t{1} << 20;

constexpr std::uint8_t kHasMaxAge = 1;
constexpr std::uint8_t kHasDeadline = 1;

void append(std::string& to, std::uint64_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    to.push_back(static_cast<char>(number >> shift & 0xff));
}

std::uint64_t number_in(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

/// Each goes on from the one before, so that blocks cannot be left out, doubled or moved.
std::uint64_t checksum_of(std::string_view bytes, std::uint64_t before) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), before);
}

/// Takes fields from the front. Past the end they are 0 and empty, and is_exact() is false.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : left_(bytes) {}

  std::uint64_t number(std::size_t bytes) { return number_in(text(bytes)); }
  std::string_view text(std::uint64_t bytes) {
    if (bytes > left_.size()) is_short_ = true;
    if (is_short_) return {};
    const auto taken = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    return taken;
  }
  std::string_view rest() { return text(left_.size()); }
  bool has_more() const { return !is_short_ && !left_.empty(); }
  bool is_exact() const { return !is_short_ && left_.empty(); }

 private:
  std::string_view left_;
  bool is_short_ = false;
};

bool is_cache_name(std::string_view name) {
  const auto is_printable = [](char byte) { return byte >= 0x20 && byte <= 0x7e; };
  return !name.empty() && name.size() <= protocol::kCacheNameBytesMax &&
         std::ranges::all_of(name, is_printable);
}

bool is_one_object(std::string_view value) {
  protocol::Cursor cursor(value);
  return cursor.read_object() && cursor.at_end();
}

BackupRecord take_record(Fields& fields) {
  BackupRecord record;
  record.cache = static_cast<std::uint32_t>(fields.number(4));
  const auto flags = fields.number(1);
  record.version = fields.number(8);
  if (flags & kHasDeadline) record.deadline_ms = static_cast<std::int64_t>(fields.number(8));
  record.stale_ms = fields.number(8);
  record.key = fields.text(fields.number(2));
  record.value = fields.text(fields.number(4));
  if (flags > kHasDeadline) record.key = {};  // not one that is known
  return record;
}

}  // namespace

BackupEncoder::BackupEncoder(std::int64_t made_at_ms, Sink sink) : sink_(std::move(sink)) {
  block_ = kMagic;
  append(block_, kFormat, 4);
  append(block_, static_cast<std::uint64_t>(made_at_ms), 8);
  checksum_ = checksum_of(block_, 0);
  append(block_, checksum_, kChecksumBytes);
  sink_(std::exchange(block_, {}));
}

void BackupEncoder::start_block(char kind) {
  block_.push_back(kind);
  append(block_, 0, kBlockStartBytes - 1);  // the length, when it is known
}

void BackupEncoder::end_block() {
  std::string length;
  append(length, block_.size() - kBlockStartBytes, kBlockStartBytes - 1);
  block_.replace(1, length.size(), length);
  checksum_ = checksum_of(block_, checksum_);
  append(block_, checksum_, kChecksumBytes);
  sink_(block_);
  block_.clear();
}

void BackupEncoder::cache(const BackupCache& cache) {
  start_block(kCacheBlock);
  append(block_, cache.max_age_ms ? kHasMaxAge : 0, 1);
  append(block_, cache.max_age_ms.value_or(0), 8);
  append(block_, cache.stale_ms, 8);
  append(block_, cache.reserved_bytes, 8);
  append(block_, cache.entries, 8);
  block_ += cache.name;
  end_block();
  ++totals_.caches;
}

void BackupEncoder::record(const BackupRecord& record) {
  if (block_.empty()) start_block(kRecordsBlock);
  append(block_, record.cache, 4);
  append(block_, record.deadline_ms ? kHasDeadline : 0, 1);
  append(block_, record.version, 8);
  if (record.deadline_ms) append(block_, static_cast<std::uint64_t>(*record.deadline_ms), 8);
  append(block_, record.stale_ms, 8);
  append(block_, record.key.size(), 2);
  block_ += record.key;
  append(block_, record.value.size(), 4);
  block_ += record.value;
  ++totals_.records;
  totals_.bytes += record.key.size() + record.value.size();
  if (block_.size() >= kRecordsBytes) end_block();
}

void BackupEncoder::end(std::uint64_t missing) {
  totals_.missing = missing;
  if (!block_.empty()) end_block();
  start_block(kEndBlock);
  append(block_, totals_.caches, 8);
  append(block_, totals_.records, 8);
  append(block_, totals_.bytes, 8);
  if (missing > 0) append(block_, missing, 8);
  end_block();
}

BackupDecoder::Part BackupDecoder::next() {
  offset_ += block_.size();
  block_.clear();
  return std::exchange(has_started_, true) ? read_block() : read_start();
}

bool BackupDecoder::take(std::size_t size) {
  for (std::size_t left = size; left > 0;) {
    const std::size_t wanted = std::min(left, kReadBytes);
    const std::size_t before = block_.size();
    block_.resize(before + wanted);
    const std::size_t got = source_(block_.data() + before, wanted);
    block_.resize(before + got);
    if (got < wanted) return false;
    left -= got;
  }
  return true;
}

BackupFault BackupDecoder::cut_short() const {
  return fault("it is cut short: it ends after " + std::to_string(offset_ + block_.size()) + " bytes");
}

BackupDecoder::Part BackupDecoder::read_start() {
  const bool is_whole = take(kStartBytes + kChecksumBytes);
  if (!block_.starts_with(kMagic)) return fault("it is no backup of Pannier");
  if (!is_whole) return cut_short();
  const std::string_view start = std::string_view(block_).substr(0, kStartBytes);
  Fields fields(start.substr(kMagic.size()));
  if (const auto format = fields.number(4); format != kFormat) {
    return fault("it has format " + std::to_string(format) + ", and this program reads " +
                 std::to_string(kFormat));
  }
  checksum_ = checksum_of(start, 0);
  if (number_in(std::string_view(block_).substr(kStartBytes)) != checksum_) {
    return fault("its start does not match its checksum");
  }
  return Start{static_cast<std::int64_t>(fields.number(8))};
}

BackupDecoder::Part BackupDecoder::read_block() {
  if (!take(kBlockStartBytes)) return cut_short();
  const char kind = block_[0];
  const std::uint64_t size = number_in(std::string_view(block_).substr(1));
  if (size > kPayloadBytesMax) return fault("a block is damaged: its length is " + std::to_string(size));
  if (!take(size + kChecksumBytes)) return cut_short();
  const std::string_view body = std::string_view(block_).substr(0, kBlockStartBytes + size);
  const std::uint64_t checksum = checksum_of(body, checksum_);
  if (number_in(std::string_view(block_).substr(body.size())) != checksum) {
    return fault("a block does not match its checksum");
  }
  checksum_ = checksum;
  return decode(kind, body.substr(kBlockStartBytes));
}

BackupDecoder::Part BackupDecoder::decode(char kind, std::string_view payload) {
  if (kind == kCacheBlock && totals_.records == 0) return decode_cache(payload);
  if (kind == kRecordsBlock) return decode_records(payload);
  if (kind == kEndBlock) return decode_end(payload);
  return fault("a block is malformed though its checksum is right: its kind is " +
               std::to_string(static_cast<unsigned char>(kind)));
}

BackupDecoder::Part BackupDecoder::decode_cache(std::string_view payload) {
  Fields fields(payload);
  BackupCache cache;
  const auto flags = fields.number(1);
  const auto max_age_ms = fields.number(8);
  if (flags & kHasMaxAge) cache.max_age_ms = max_age_ms;
  cache.stale_ms = fields.number(8);
  cache.reserved_bytes = fields.number(8);
  cache.entries = fields.number(8);
  cache.name = fields.rest();
  if (flags > kHasMaxAge || !is_cache_name(cache.name)) {
    return fault("the definition of a cache is malformed though its checksum is right");
  }
  ++totals_.caches;
  return cache;
}

BackupDecoder::Part BackupDecoder::decode_records(std::string_view payload) {
  Fields fields(payload);
  Records part;
  while (fields.has_more()) {
    const BackupRecord record = take_record(fields);
    if (record.key.empty() || record.cache >= totals_.caches || !is_one_object(record.value)) {
      return fault("a record is malformed though its checksum is right");
    }
    part.records.push_back(record);
    ++totals_.records;
    totals_.bytes += record.key.size() + record.value.size();
  }
  if (!fields.is_exact()) return fault("a record is malformed though its checksum is right");
  return part;
}

BackupDecoder::Part BackupDecoder::decode_end(std::string_view payload) {
  Fields fields(payload);
  BackupTotals told{fields.number(8), fields.number(8), fields.number(8)};
  const bool is_whole = !fields.has_more();
  told.missing = totals_.missing = is_whole ? 0 : fields.number(8);
  if (!fields.is_exact() || is_whole != (told.missing == 0) || told != totals_)
    return fault("its end does not tell what came before it");
  char behind = 0;
  if (source_(&behind, 1) > 0) return fault("something follows its end");
  return End{totals_, checksum_};
}

}  // namespace pannier::cli
