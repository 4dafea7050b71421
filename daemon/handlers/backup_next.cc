// backup_next: a piece of the image that `backup` made on this connection. The client asks by number, so that
// one whose answer failed can be asked for again. What is damaged is gone past, counted, and told at the end.
// What can fail: there is no image any more, or the number is neither the last one nor the next
// (bad_request); the disk as a whole (storage).
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

using protocol::Error;
using protocol::ErrorCode;
using protocol::Writer;

constexpr std::uint64_t kPieceBytesMax = std::uint64_t{1} << 20;

bool is_cleared(const BackedUpCache& cache, const storage::ImageRecord& found) {
  return std::ranges::any_of(cache.cleared, [&](const storage::ClearedRange& range) {
    return found.record.version <= range.version_max && found.key.starts_with(range.prefix);
  });
}

/// Past its deadline and its stale window: nobody could have read it.
bool is_over(const storage::Record& record, storage::TimeMs now) {
  if (record.deadline == storage::kNever || record.deadline > now) return false;
  return static_cast<std::uint64_t>(now - record.deadline) >= record.stale_ms;
}

/// One request for a piece. Caches that have none left are passed over.
class PieceTask : public std::enable_shared_from_this<PieceTask> {
 public:
  PieceTask(Service& service, const Address& to, std::shared_ptr<Backup> backup)
      : service_(service),
        to_(to),
        backup_(std::move(backup)),
        ticket_(service.waits.take(to.connection, kPieceBytesMax)),
        place_(backup_->place) {}

  void start() {
    backup_->is_reading = true;
    read();
  }

 private:
  void read() {
    if (place_.cache == backup_->caches.size()) return answer_end();
    service_.disk.read_image(backup_->image, backup_->caches[place_.cache].id, place_.from_key,
                             kPieceBytesMax, [self = shared_from_this()](auto outcome) {
                               if (const auto* error = std::get_if<storage::StoreError>(&outcome))
                                 return self->fail(*error);
                               self->have_read(std::get<storage::ImagePiece>(std::move(outcome)));
                             });
  }

  void have_read(storage::ImagePiece piece) {
    if (!is_wanted()) return service_.replies.error(to_, superseded_backup("backup_next"));
    const BackedUpCache& cache = backup_->caches[place_.cache];
    place_.tally.add(piece);
    std::erase_if(piece.records, [&](const storage::ImageRecord& found) {
      return is_cleared(cache, found) || is_over(found.record, backup_->made_at);
    });
    const std::size_t cache_at = place_.cache;
    if (!piece.next_key) {
      place_.tally.end_cache(cache_at, backup_->image->disk_entries(cache.id));
      ++place_.cache;
    }
    place_.from_key = std::move(piece.next_key).value_or("");
    if (piece.records.empty()) return read();
    rest();
    backup_->next = std::move(place_);
    service_.replies.result(to_, [&](Writer& writer) { write_piece(writer, cache_at, piece); });
  }

  static void write_piece(Writer& writer, std::size_t cache_at, const storage::ImagePiece& piece) {
    writer.array(static_cast<std::uint32_t>(piece.records.size()));
    for (const auto& [key, record] : piece.records) {
      writer.array(6);
      writer.unsigned_integer(cache_at);
      writer.key(key);
      writer.raw(record.value);
      writer.unsigned_integer(record.version);
      record.deadline == storage::kNever ? writer.nil() : writer.integer(record.deadline);
      writer.unsigned_integer(record.stale_ms);
    }
  }

  bool is_wanted() const { return service_.backups.is_current(to_.connection, backup_); }

  /// Nothing of it is being read: it may be asked for more, or time out.
  void rest() {
    backup_->is_reading = false;
    backup_->used_at = service_.clock.now();
  }

  void answer_end() {
    if (is_wanted()) service_.backups.end(to_.connection);
    const auto& missing = place_.tally.missing();
    if (missing.empty()) return service_.replies.nil(to_);
    service_.replies.result(to_, [&](Writer& writer) { write_missing(writer, missing); });
  }

  static void write_missing(Writer& writer, const std::vector<MissingRecords>& missing) {
    writer.map(1);
    writer.string("missing");
    writer.array(static_cast<std::uint32_t>(missing.size()));
    for (const MissingRecords& one : missing) {
      writer.map(4);
      writer.string("cache");
      writer.unsigned_integer(one.cache);
      writer.string("entries");
      writer.unsigned_integer(one.records);
      writer.string("keys");
      writer.array(static_cast<std::uint32_t>(one.keys.size()));
      for (const std::string& key : one.keys) writer.key(key);
      writer.string("error");
      writer.string(one.error);
    }
  }

  void fail(const storage::StoreError& error) {
    rest();
    service_.replies.error(to_, {ErrorCode::kStorage, error.text});
  }

  Service& service_;
  Address to_;
  std::shared_ptr<Backup> backup_;
  std::shared_ptr<Waits::Ticket> ticket_;
  Backup::Place place_;
};

Error wrong_piece(const Backup& backup) {
  const std::string number = std::to_string(backup.piece);
  if (backup.is_reading)
    return {ErrorCode::kBadRequest, "backup_next: piece " + number + " is still being read"};
  const std::string next = backup.next ? " or " + std::to_string(backup.piece + 1) : "";
  return {ErrorCode::kBadRequest, "backup_next: the piece to ask for is " + number + next};
}

}  // namespace

Outcome handle_backup_next(Service& service, const Call& call) {
  Params params("backup_next", call.params, service.limits);
  const std::uint64_t piece = params.unsigned_integer("piece");
  params.options({});
  if (auto fault = params.fault()) return *fault;

  const std::shared_ptr<Backup> backup = service.backups.find(call.from.connection);
  if (!backup) {
    return Error{ErrorCode::kBadRequest,
                 "backup_next: this connection has no backup, or none any more; backup begins one"};
  }
  for (const BackedUpCache& cache : backup->caches) {
    auto denied = service.guard.refusal(call.from.connection, "backup_next", Right::kRead, cache.name);
    if (denied) return *denied;
  }
  const bool is_next = backup->next && piece == backup->piece + 1;
  if (backup->is_reading || (piece != backup->piece && !is_next)) return wrong_piece(*backup);
  if (service.disk.read_queue_full()) {
    return Error{ErrorCode::kOverloaded,
                 "backup_next: as many reads wait for the disk as max_loads allows; try again later"};
  }
  if (is_next) {
    backup->place = std::move(*backup->next);
    backup->next.reset();
    backup->piece = piece;
  }
  std::make_shared<PieceTask>(service, call.from, backup)->start();
  return Answered();
}

}  // namespace pannier::daemon
