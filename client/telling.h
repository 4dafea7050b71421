// Telling: what a thread lets the daemon know of its reads of a cache, through the attachment's ring: that
// there was a hit, always; which entry it was, as often as the daemon has a use for it.
//
// For one thread. It has no destructor: what is destroyed at the end of the program may still read.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "client/attachment.h"
#include "client/process.h"
#include "storage/shared_reader.h"
#include "storage/use_ring.h"

namespace pannier::detail {

/// Where a thread counts the hits of a cache.
struct Tally {
  std::uint64_t attachment = 0;
  pid_t process = 0;  ///< in a child, it is the parent's
  std::uint32_t ordinal = 0;
  storage::UseRing::Counter* counter = nullptr;

  bool is_of(std::uint64_t number, std::uint32_t cache) const {
    return counter != nullptr && attachment == number && ordinal == cache && process == process_id();
  }
};

class Telling {
 public:
  Telling() = default;
  /// The counter goes over, whoever comes: a new one each time would use them up.
  explicit Telling(const Tally& tally) : tally_(tally) {}
  const Tally& tally() const { return tally_; }

  /// There was a hit. `is_fresh`: seen a moment ago.
  void note(const Attachment& attachment, const storage::SharedReader::CacheAt& cache,
            const storage::SharedReader::Seen& seen, bool is_fresh);

 private:
  /// Between two looks at how the uses of all entries go on.
  static constexpr std::uint32_t kReadsALook = 32;

  [[gnu::noinline]] void count_anew(const Attachment& attachment, std::uint32_t ordinal);
  /// UseRing::kReadsASample on average, by chance, so that reads that come in a cycle are all sampled.
  std::uint32_t reads_to_sample() {
    random_ = random_ * 1'664'525 + 1'013'904'223;  // W. H. Press et al., "Numerical Recipes", 7.1
    return static_cast<std::uint32_t>(1 + (random_ >> 16) % (2 * storage::UseRing::kReadsASample - 1));
  }

  Tally tally_;
  std::uint32_t reads_ = 0;
  std::uint32_t until_sample_ = 1;
  std::uint32_t random_ = 1;
  std::uint64_t told_before_ = 0;        ///< an entry that was used after it needs no telling
  std::array<storage::Ref, 64> told_{};  ///< since the last look
};

/// In the header, because a hit takes hardly longer than a call.
inline void Telling::note(const Attachment& attachment, const storage::SharedReader::CacheAt& cache,
                          const storage::SharedReader::Seen& seen, bool is_fresh) {
  storage::UseRing& ring = *attachment.ring;
  if (tally_.is_of(attachment.number, cache.ordinal)) {
    tally_.counter->note_hit();
  } else {
    count_anew(attachment, cache.ordinal);
  }
  if (--until_sample_ == 0) {
    ring.note_use({seen.ref, seen.version, true});
    until_sample_ = reads_to_sample();
  }
  if (reads_++ % kReadsALook == 0) {
    // What was used among the latest eighth of all uses would not go for a while.
    const storage::SharedReader& reader = *attachment.reader;
    const std::uint64_t uses = reader.uses();
    told_before_ = uses - std::min(uses, reader.entries(cache) / 8);
    told_.fill(storage::kNoRef);
  }
  if (seen.place >= told_before_) return;
  storage::Ref& told = told_[seen.ref % told_.size()];
  if (std::exchange(told, seen.ref) == seen.ref) return;
  // What was seen long ago may have been told since.
  if (is_fresh || attachment.reader->place(seen.ref) < told_before_) ring.note_use({seen.ref, seen.version});
}

}  // namespace pannier::detail
