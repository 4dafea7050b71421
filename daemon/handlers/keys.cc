// keys: a walk over the entries in memory, then, for a durable cache, over those on disk. Happy path: the
// first step is taken at once and mostly suffices; what is left goes on in the background, step by step, and
// for the disk by scans of the DiskWorker. What can fail: the disk (storage), the cache is dropped meanwhile
// (unknown_cache).
#include <charconv>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

using protocol::Error;
using protocol::ErrorCode;
using storage::TimeMs;

/// A reply ends early, with a cursor to go on from, when its keys are longer than this together.
constexpr std::uint64_t kReplyKeysBytesMax = std::uint64_t{8} << 20;
constexpr std::uint64_t kVisitsAtOnce = 32;
constexpr std::uint64_t kScanKeysMax = 1'000;

/// Where a walk is. As text, for the client: "m" and 16 hexadecimal digits, or "d" and the key in hexadecimal
/// digits.
struct Place {
  std::optional<storage::WalkPosition> in_memory;
  std::string disk_key;  ///< once memory is done
};

constexpr std::string_view kHexDigits = "0123456789abcdef";

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(kHexDigits[byte >> 4]);
    text.push_back(kHexDigits[byte & 15]);
  }
  return text;
}

std::optional<std::string> unhex(std::string_view text) {
  std::string bytes;
  if (text.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = kHexDigits.find(text[i]);
    const auto low = kHexDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

std::string cursor_of(const Place& place) {
  if (!place.in_memory) return "d" + hex(place.disk_key);
  std::string point(16, '0');
  for (std::size_t i = 0; i < 16; ++i) point[i] = kHexDigits[place.in_memory->point >> (60 - 4 * i) & 15];
  return "m" + point;
}

std::optional<Place> place_of(std::string_view cursor) {
  if (cursor.starts_with('m') && cursor.size() == 17) {
    std::uint64_t point = 0;
    const auto parsed = std::from_chars(cursor.data() + 1, cursor.data() + cursor.size(), point, 16);
    if (parsed.ec == std::errc() && parsed.ptr == cursor.data() + cursor.size()) {
      return Place{storage::WalkPosition{point}, {}};
    }
  } else if (cursor.starts_with('d')) {
    if (auto key = unhex(cursor.substr(1))) return Place{std::nullopt, std::move(*key)};
  }
  return std::nullopt;
}

class KeysTask final : public BackgroundTask, public std::enable_shared_from_this<KeysTask> {
 public:
  KeysTask(Service& service, const Address& to, const storage::Cache& cache, Place place,
           std::string_view prefix, std::uint64_t limit)
      : service_(service),
        to_(to),
        cache_(cache.id()),
        place_(std::move(place)),
        prefix_(prefix),
        limit_(limit),
        ticket_(service.waits.take(to.connection, 0)) {}

  TimeMs step(TimeMs now) override {
    const storage::Cache* cache = service_.catalog.find(cache_);
    if (cache == nullptr) {
      dropped();
      return storage::kNever;
    }
    if (place_.in_memory) {
      walk(*cache, now);
      if (place_.in_memory && !is_full()) return now;
      if (place_.in_memory || !cache->is_durable()) {
        answer(place_.in_memory.has_value());
        return storage::kNever;
      }
    }
    if (is_full()) {
      answer(true);
    } else {
      // What is changed in memory may be on disk too, in an earlier state.
      from_memory_.insert(keys_.begin(), keys_.end());
      scan();
    }
    return storage::kNever;
  }

 private:
  /// In short walks, because keys may be long.
  void walk(const storage::Cache& cache, TimeMs now) {
    for (std::uint64_t visits = 0; place_.in_memory && !is_full() && visits < kVisitsPerStep;) {
      const auto before = keys_.size();
      const auto walked = cache.walk(*place_.in_memory, prefix_, limit_, kVisitsAtOnce, now, keys_);
      for (auto i = before; i < keys_.size(); ++i) hold(keys_[i]);
      place_.in_memory = walked.next;
      visits += walked.visited;
    }
  }

  bool is_full() const { return keys_.size() >= limit_ || keys_bytes_ >= kReplyKeysBytesMax; }

  void hold(const std::string& key) {
    keys_bytes_ += key.size();
    ticket_->grow(static_cast<std::int64_t>(key.size()));
  }

  void dropped() { service_.replies.error(to_, dropped_meanwhile()); }

  void scan() {
    if (service_.disk.read_queue_full()) {
      return service_.replies.error(
          to_, {ErrorCode::kOverloaded,
                "keys: as many reads wait for the disk as max_loads allows; try again later"});
    }
    const auto keys_max = std::min<std::uint64_t>(limit_ - keys_.size(), kScanKeysMax);
    service_.disk.scan(cache_, prefix_, place_.disk_key, keys_max,
                       [this, self = shared_from_this()](const auto& outcome) {
                         if (const auto* error = std::get_if<storage::StoreError>(&outcome)) {
                           return service_.replies.error(to_, {ErrorCode::kStorage, error->text});
                         }
                         const auto& found = std::get<storage::Scanned>(outcome);
                         // A list that is not whole would pass for one that is.
                         if (found.unreadable) {
                           return service_.replies.error(to_, {ErrorCode::kStorage, found.unreadable->text});
                         }
                         scanned(found);
                       });
  }

  void scanned(const storage::Scanned& found) {
    const storage::Cache* cache = service_.catalog.find(cache_);
    if (cache == nullptr) return dropped();
    const TimeMs now = service_.clock.now();
    for (const auto& one : found.keys) {
      if (!cache->shows_scanned(one, now) || from_memory_.contains(one.key)) continue;
      keys_.push_back(one.key);
      hold(one.key);
    }
    place_.disk_key = found.next_key.value_or("");
    if (!found.next_key || is_full()) return answer(found.next_key.has_value());
    scan();
  }

  void answer(bool has_more) {
    service_.replies.result(to_, [&](protocol::Writer& writer) {
      writer.array(2);
      has_more ? writer.string(cursor_of(place_)) : writer.nil();
      writer.array(static_cast<std::uint32_t>(keys_.size()));
      for (const auto& key : keys_) writer.key(key);
    });
  }

  Service& service_;
  Address to_;
  storage::CacheId cache_;
  Place place_;
  std::string prefix_;
  std::uint64_t limit_;
  std::shared_ptr<Waits::Ticket> ticket_;
  std::vector<std::string> keys_;
  std::set<std::string, std::less<>> from_memory_;  ///< of keys_
  std::uint64_t keys_bytes_ = 0;
};

}  // namespace

Outcome handle_keys(Service& service, const Call& call) {
  Params params("keys", call.params, service.limits);
  const auto name = params.cache_name();
  params.options({"cursor", "prefix", "limit"});
  const auto prefix = params.prefix();
  const auto limit = params.number("limit", 1, protocol::kKeysLimitMax).value_or(protocol::kKeysLimitDefault);
  std::optional<Place> place = Place{storage::WalkPosition{}, {}};
  if (const auto cursor = params.is_nil("cursor") ? std::nullopt : params.text("cursor")) {
    place = place_of(*cursor);
    if (!place) params.reject("cursor", "one that keys has answered", *params.object("cursor"));
  }
  if (auto fault = params.fault()) return *fault;

  storage::Cache* cache = service.catalog.find(name);
  if (cache == nullptr) return unknown_cache(name);
  if (!place->in_memory && !cache->is_durable()) {
    return Error{ErrorCode::kBadRequest,
                 "keys: cursor is of a walk over a durable cache, and this one is not"};
  }
  auto task = std::make_shared<KeysTask>(service, call.from, *cache, std::move(*place), prefix, limit);
  service.cold_keys.run_behind(
      cache->id(),
      [&service, task = std::move(task)](storage::TimeMs now) {
        const TimeMs again = task->step(now);
        if (again != storage::kNever) service.background.add(again, task);
      },
      call.now);
  return Answered();
}

}  // namespace pannier::daemon
