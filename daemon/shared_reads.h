// SharedReads: the clients that read the arena themselves. Each has a connection of its own, over which it
// got the arena's descriptor (for reading alone) and a ring for what it tells back (storage/use_ring.h); both
// end with the connection, as far as the daemon is concerned. The arena itself says to readers when they must
// ask the daemon.
//
// What can go wrong:
//  - Too many of them: `overloaded`.
//  - The system gives no memory or descriptor for a ring: `overloaded` too, with the system's words.
//  - A client writes nonsense into its ring: hits and uses are counted that were none, at most as many as
//  kHitsMax.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <variant>
#include <vector>

#include "daemon/access.h"
#include "daemon/config.h"
#include "daemon/dispatcher.h"
#include "daemon/hot_keys.h"
#include "daemon/owned_fd.h"
#include "protocol/error.h"
#include "storage/catalog.h"
#include "storage/use_ring.h"

namespace pannier::daemon {

class SharedReads {
 public:
  /// Between two looks at the rings, while they are used; up to kIdleMs while they are not.
  static constexpr storage::TimeMs kIntervalMs = 20;
  static constexpr storage::TimeMs kIdleMs = 1'280;
  /// Of all rings, at one look.
  static constexpr std::uint64_t kUsesMax = 2'048;
  /// Uses of entries by others between two looks, for each ring that is to be looked at.
  static constexpr std::uint64_t kUsesBetween = 32;
  /// Of one cache in one ring, at one look: as many as a processor can make in kIdleMs.
  static constexpr std::uint64_t kHitsMax = 100'000'000;

  /// All must outlive this.
  SharedReads(storage::Catalog& catalog, const Config& config, HotKeys& hot_keys);
  SharedReads(const SharedReads&) = delete;
  SharedReads& operator=(const SharedReads&) = delete;
  ~SharedReads();

  struct Descriptors {
    int arena;  ///< stays this object's
    OwnedFd ring;
  };
  /// A connection that asks again gets a new ring, in the place of the one that it had. Precondition: who
  /// asks may read every cache.
  std::variant<Descriptors, protocol::Error> attach(ConnectionId connection, bool is_trusted,
                                                    storage::TimeMs now);
  /// Access is another than before: readers must ask anew, for some may not read every cache any more.
  void access_changed() { catalog_.arena().turn_readers_out(); }
  /// Whether the arena may be mapped by others than those who read every cache by this access: then it is to
  /// be left for another at a start. A mapping cannot be taken back.
  static bool is_out_of_hand(const storage::Arena& arena, const Access& access);
  void closed(ConnectionId connection, storage::TimeMs now);

  /// Counts what the rings tell.
  void gather(storage::TimeMs now);
  /// The same if as much was used since then that what readers use might go for space before next_due(). For
  /// the end of each pass.
  void poke(storage::TimeMs now);
  /// When it should be called next; kNever without readers.
  storage::TimeMs next_due() const {
    return readers_.empty() ? storage::kNever : gathered_at_ + interval_ms_;
  }
  std::uint64_t readers() const { return readers_.size(); }

 private:
  struct Reader;

  std::variant<OwnedFd, protocol::Error> make_ring() const;
  bool gather_hits(Reader& reader);
  bool gather_uses(Reader& reader, std::uint64_t& budget, storage::TimeMs now);

  storage::Catalog& catalog_;
  const Config& config_;
  HotKeys& hot_keys_;
  OwnedFd arena_;
  std::map<ConnectionId, std::unique_ptr<Reader>> readers_;
  ConnectionId next_ = 0;  ///< whose uses are looked at first
  storage::TimeMs gathered_at_ = 0;
  std::uint64_t uses_then_ = 0;  ///< of all entries, when gathered
  storage::TimeMs interval_ms_ = kIntervalMs;
};

}  // namespace pannier::daemon
