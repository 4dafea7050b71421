#include "daemon/shared_reads.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace pannier::daemon {

using protocol::Error;
using protocol::ErrorCode;
using storage::TimeMs;
using storage::UseRing;

namespace {

Error overloaded(const std::string& text) { return {ErrorCode::kOverloaded, "attach: " + text}; }

Error system_error(const std::string& what) { return overloaded(what + ": " + std::strerror(errno)); }

}  // namespace

struct SharedReads::Reader {
  explicit Reader(const OwnedFd& memory)
      : place(mmap(nullptr, sizeof(UseRing), PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0)) {}
  ~Reader() {
    if (place != MAP_FAILED) munmap(place, sizeof(UseRing));
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  UseRing& ring() const { return *static_cast<UseRing*>(place); }

  void* const place;
  std::uint64_t uses_seen = 0;
  std::map<UseRing::Place, std::uint64_t> hits_seen;
};

SharedReads::SharedReads(storage::Catalog& catalog, const Config& config, HotKeys& hot_keys)
    : catalog_(catalog), config_(config), hot_keys_(hot_keys) {}

SharedReads::~SharedReads() = default;

std::variant<OwnedFd, Error> SharedReads::make_ring() const {
  OwnedFd ring(memfd_create("pannier-uses", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  // Its size is sealed: a client that cut it off would end the daemon by SIGBUS.
  const bool is_made = ring.is_open() && fchmod(ring.get(), 0600) == 0 &&
                       ftruncate(ring.get(), sizeof(UseRing)) == 0 &&
                       fcntl(ring.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0 &&
                       posix_fallocate(ring.get(), 0, sizeof(UseRing)) == 0;
  if (!is_made) return system_error("no memory for a ring");
  return ring;
}

std::variant<SharedReads::Descriptors, Error> SharedReads::attach(ConnectionId connection, bool is_trusted,
                                                                  TimeMs now) {
  if (config_.shared_readers_max == 0) {
    return Error{ErrorCode::kUnsupported,
                 "attach: max_shared_readers is 0: nobody reads but over the socket"};
  }
  closed(connection, now);
  if (readers_.size() >= config_.shared_readers_max) {
    return overloaded("there are " + std::to_string(readers_.size()) +
                      " readers, as many as max_shared_readers allows");
  }
  if (!arena_.is_open()) arena_ = OwnedFd(catalog_.arena().open_for_reading());
  if (!arena_.is_open()) return system_error("the memory cannot be opened for reading");
  auto ring = make_ring();
  if (auto* error = std::get_if<Error>(&ring)) return std::move(*error);
  auto& memory = std::get<OwnedFd>(ring);
  auto reader = std::make_unique<Reader>(memory);
  if (reader->place == MAP_FAILED) return system_error("a ring cannot be mapped");
  // Those may always read all.
  if (!is_trusted) catalog_.arena().note_readers(config_.access.readers_digest());
  readers_.emplace(connection, std::move(reader));
  gathered_at_ = now;
  interval_ms_ = kIntervalMs;
  return Descriptors{arena_.get(), std::move(memory)};
}

bool SharedReads::is_out_of_hand(const storage::Arena& arena, const Access& access) {
  const std::uint32_t read_by = arena.header().read_by;
  return read_by != storage::kReadByNobody && !access.is_readable_by_all() &&
         read_by != access.readers_digest();
}

void SharedReads::closed(ConnectionId connection, TimeMs now) {
  const auto found = readers_.find(connection);
  if (found == readers_.end()) return;
  gather(now);
  readers_.erase(found);
}

void SharedReads::poke(TimeMs now) {
  if (!readers_.empty() && catalog_.uses() - uses_then_ >= kUsesBetween * readers_.size()) gather(now);
}

void SharedReads::gather(TimeMs now) {
  bool is_used = false;
  std::uint64_t budget = kUsesMax;
  for (const auto& [id, reader] : readers_) is_used |= gather_hits(*reader);
  // Another one first each time: uses that there is no time for are lost if they are overwritten.
  auto each = readers_.lower_bound(next_);
  for (std::size_t i = 0; i < readers_.size(); ++i, ++each) {
    if (each == readers_.end()) each = readers_.begin();
    is_used |= gather_uses(*each->second, budget, now);
    next_ = each->first + 1;
    if (budget == 0) break;
  }
  gathered_at_ = now;
  uses_then_ = catalog_.uses();
  interval_ms_ = is_used ? kIntervalMs : std::min(interval_ms_ * 2, kIdleMs);
}

bool SharedReads::gather_hits(Reader& reader) {
  bool is_used = false;
  reader.ring().take_hits([&](UseRing::Place place, std::uint32_t ordinal, std::uint64_t hits) {
    const std::uint64_t before = std::exchange(reader.hits_seen[place], hits);
    if (hits == before) return;
    storage::Cache* const cache = catalog_.find_ordinal(ordinal);
    if (cache != nullptr) cache->count_shared_hits(std::min(hits - before, kHitsMax));
    is_used = true;
  });
  return is_used;
}

bool SharedReads::gather_uses(Reader& reader, std::uint64_t& budget, TimeMs now) {
  std::string scratch;
  const std::uint64_t noted = reader.ring().noted();
  if (noted == reader.uses_seen) return false;
  if (noted - reader.uses_seen > UseRing::kUses) reader.uses_seen = noted - UseRing::kUses;
  for (; reader.uses_seen != noted && budget > 0; --budget) {
    const UseRing::Use use = reader.ring().use(reader.uses_seen++);
    const auto read = catalog_.note_use(use.ref, use.version, now);
    if (read && use.is_sample) hot_keys_.sampled(read->cache, read->key.whole(scratch));
  }
  return true;
}

}  // namespace pannier::daemon
