// SharedView: entries read out of the daemon's memory by this process itself. It holds one attachment at a
// time (client/attachment.h).
//
// The happy path: after some gets over the socket one of them attaches; from then on value() and entry()
// answer what is in memory. What else can happen:
//  - The daemon ends, or another takes its place: the arena says so at the next read. The attachment is let
//    go, its memory at once, and a later get attaches anew.
//  - The daemon refuses, does not know the method, or is away: the socket it is, and the next attempt is made
//    later, the later the more have failed.
//  - A fork: the child reads on, with the parent's attachment, until that ends. If a thread of the parent was
//    attaching at that moment, the child does not attach again: it asks over the socket.
//
// Thread-safe. A read takes no lock and makes no system call, but for those that attach and let go.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/deadline.h"
#include "pannier/info.h"
#include "pannier/keys.h"
#include "pannier/options.h"
#include "pannier/sighting.h"
#include "storage/shared_reader.h"

namespace pannier::detail {

class Pool;
class Telling;
struct Attachment;

class SharedView {
 public:
  /// Gets over the socket before the first attempt to attach: whoever makes only a few does not gain by it.
  static constexpr std::uint32_t kGetsBefore = 16;

  /// `pool` must outlive this.
  SharedView(Pool& pool, SharedReads wish);
  ~SharedView();
  SharedView(const SharedView&) = delete;
  SharedView& operator=(const SharedView&) = delete;

  /// The packed value. Nothing: ask the daemon.
  std::optional<std::string> value(std::string_view cache, std::string_view key);
  /// Those of many keys, in their order. `options.bytes_max`: of all together.
  std::vector<std::optional<std::string>> values(std::string_view cache, const KeyList& keys,
                                                 const SharedReadOptions& options = {});
  /// The same with all about it; `sighting` becomes one of it.
  std::optional<Entry<std::string>> entry(std::string_view cache, std::string_view key, Sighting* sighting,
                                          const SharedReadOptions& options = {});
  /// Whether the entry that was seen is still there, and the same. It counts as a hit then. False may be
  /// wrong.
  bool is_current(const Sighting& sighting);

 private:
  struct Spot;
  using Outcome = storage::SharedReader::Outcome;

  Attachment* attachment();
  Attachment* attach_if_due();
  void let_go(Attachment& attachment);
  static Spot& spot_of(std::string_view cache);
  /// Begins to fetch what find() of this key will read.
  void fetch_ahead(std::string_view cache, std::string_view key, storage::SharedReader::Ahead what) const;
  static Telling& telling_of(const Sighting& sighting);
  /// Where an entry was found.
  struct Finding {
    Attachment* attached = nullptr;  ///< null: it was not
    Spot* spot = nullptr;
  };
  Finding find(bool may_attach, std::string_view cache, std::string_view key,
               const storage::SharedReader::Room& room, storage::SharedReader::Seen& seen);
  [[gnu::noinline]] Finding find_anew(bool may_attach, std::string_view cache, std::string_view key,
                                      const storage::SharedReader::Room& room,
                                      storage::SharedReader::Seen& seen);
  static Finding find_at(Attachment& attachment, std::string_view cache, std::string_view key,
                         const storage::SharedReader::Room& room, storage::SharedReader::Seen& seen);

  Pool& pool_;
  const SharedReads wish_;
  std::atomic<Attachment*> current_ = nullptr;
  std::atomic<std::uint32_t> gets_ = 0;
  std::atomic<std::int64_t> next_attempt_ns_ = 0;  ///< by Clock
  std::mutex mutex_;                               ///< of attaching and letting go
  std::chrono::milliseconds pause_;                ///< before the next attempt
  /// All that there were: a thread may still be in one that was let go, and finds nothing there.
  std::vector<std::unique_ptr<Attachment>> attachments_;
};

}  // namespace pannier::detail
