// Draft: the last part of a large value that is written into the arena while it still arrives, into the
// pieces that its entry will have. Until Cache::put_draft() links it, no index leads to it, so that no reader
// sees it.
//
// It takes room piece by piece, for what is about to be written alone, and takes it as a put would: entries
// go for it. What it has taken counts in the memory limit. All drafts together are for at most 1/kShare of
// the memory and no more than kCountMax. One that did not move for kIdleMs goes where another would have no
// place, and when an entry that is put finds no other room, a draft gives up its own: so none can keep
// anybody from anything.
//
// Owned by whoever fills it. It goes back when it is destroyed; what is left of those of a process that died
// is taken back by the next one. The catalog must outlive it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "storage/entry.h"
#include "storage/slot_mover.h"
#include "storage/types.h"

namespace pannier::storage {

class Cache;
class Catalog;

class DraftOwner {
 public:
  virtual ~DraftOwner() = default;
  /// `bytes`: all that was written into its draft, which is gone when this returns. Must not call back into
  /// storage.
  virtual void gave_up(const BytesView& bytes) = 0;
};

class Draft {
 public:
  /// Of the arena, for what all drafts together are to hold when they are full.
  static constexpr std::uint64_t kShare = 8;
  /// How many there may be at a time.
  static constexpr std::size_t kCountMax = 64;
  /// Who was not asked for room for so long gives up to another for which there would be no place.
  static constexpr TimeMs kIdleMs = 1'000;
  /// What room() gives at most: as much as a socket holds, as a rule, in so many parts.
  static constexpr std::uint64_t kRoomBytesMax = std::uint64_t{256} << 10;
  static constexpr std::size_t kPartsMax = 128;

  ~Draft();
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  /// How many of the value's last bytes go in here. What is before them is for put_draft().
  std::uint64_t bytes() const { return bytes_; }
  /// How many of these have their memory.
  std::uint64_t taken_bytes() const { return taken_bytes_; }
  /// How many of these are not written yet.
  std::uint64_t left_bytes() const { return bytes_ - written_bytes_; }

  /// Where the next bytes go, one part after the other, at most left_bytes() of them; valid until the next
  /// call of storage that is not const. Empty: there is no room, or it was given up.
  std::span<const std::span<char>> room(TimeMs now);
  /// The first `bytes` of that room were written.
  void written(std::uint64_t bytes);
  /// Hands what was written to its owner and is of no use any more; without effect if it was so before.
  void give_up();

 private:
  friend class Cache;        // begins and ends it
  friend class Catalog;      // has it give up
  friend class EntryWriter;  // makes it part of an entry

  Draft(Catalog& catalog, const Cache& cache, std::string_view key, std::uint64_t bytes, DraftOwner& owner,
        TimeMs now);

  BytesView view() const;
  /// Whether `whole` is `start` and what was written behind it.
  bool completes(std::string_view start, const BytesView& whole) const;
  bool take_pieces(std::uint64_t wanted_bytes, TimeMs now);
  /// Its first piece, which is the entry's from now on.
  Ref hand_over();
  void leave_catalog();

  Catalog& catalog_;
  const CacheId cache_;
  const std::string key_;
  DraftOwner& owner_;
  const std::uint64_t bytes_;
  bool is_over_ = false;    ///< given up or handed over
  bool is_in_use_ = false;  ///< must not be given up now
  TimeMs moved_at_;         ///< when it was last asked for room
  std::uint64_t taken_bytes_ = 0;
  std::uint64_t written_bytes_ = 0;
  Ref first_ = kNoRef;
  Ref last_ = kNoRef;
  Ref next_ = kNoRef;  ///< where the next byte goes, if there is room for it
  SlotMover::Watch watch_first_;
  SlotMover::Watch watch_last_;
  SlotMover::Watch watch_next_;
  std::array<std::span<char>, kPartsMax> parts_;
};

}  // namespace pannier::storage
