// ManyCall: a request over many keys, in steps. Each key is an operation of its own, in the order of the
// request; between two steps others have their turn, but nothing that its connection has sent behind it is
// executed before the last step.
//
// The happy path: start() reads the keys and does what is to be done for them; what is more than one step
// goes on in the background, from the bytes of the request, which are held (or copied) until then. In a
// durable cache a key that is cold or waited for becomes an operation that waits for it, in its place among
// the others, and the connection goes on when the last key has had its turn. The request is answered when the
// last operation is done. What can fail, and what then: the request itself is wrong (nothing is done); too
// much is held for requests that wait (`overloaded`, nothing is done); one of the operations fails or the
// cache is dropped (the first error is answered, what the others did stays done); the daemon stops and is
// told to hurry (the same). When the connection ends, writes go on all the same.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/background.h"
#include "daemon/call.h"
#include "daemon/held_bytes.h"
#include "daemon/params.h"
#include "daemon/service.h"
#include "storage/cache.h"

namespace pannier::daemon {

/// A key that is about to be looked up, on its way into the processor's cache.
struct FetchedKey {
  storage::HashedKey key;
  storage::Prefetch prefetch;

  static FetchedKey of(const storage::Cache& cache, std::string_view key) {
    const storage::HashedKey hashed = cache.hashed(key);
    return {hashed, cache.prefetch(hashed)};
  }
};

class ManyCall : public BackgroundTask, public std::enable_shared_from_this<ManyCall> {
 public:
  /// Bytes of values that one step copies, but for a single value that is larger.
  static constexpr std::uint64_t kBytesPerStep = std::uint64_t{256} << 10;
  /// Keys that are fetched into the processor's cache together: more than it fetches at a time.
  static constexpr std::size_t kTogether = 16;

  ~ManyCall() override;

  /// To be called once. A request of at most kVisitsPerStep keys is over in this one step, unless it has more
  /// than kBytesPerStep of values, or waits for the disk.
  void start(storage::TimeMs now);
  storage::TimeMs step(storage::TimeMs now) final;

 protected:
  /// What a part came to.
  enum class Part : std::uint8_t { kDone, kCold };

  /// `method` must outlive it. `done`: of how many keys, the first, the caller has had its turn already.
  ManyCall(Service& service, const Call& call, std::string_view method, std::size_t done = 0);

  /// The array of keys, or of whatever has a key each: how many there are.
  virtual std::uint32_t read_items(Params& params) { return params.keys(); }
  virtual std::string_view read_item(Params& params) { return params.next_key(); }
  /// Reads the options, which are the rest of the parameters.
  virtual void read_options(Params& params) { params.options({}); }
  /// The request is well formed, and nothing is done yet: why it cannot be.
  virtual std::optional<protocol::Error> refusal(storage::Cache&) { return std::nullopt; }
  /// Does the work for one key. It may set an error by fail(), and says by used() what it copied.
  virtual Part run(storage::Cache& cache, std::size_t index, const storage::HashedKey& key,
                   storage::TimeMs now) = 0;
  /// Instead of run(), which will follow out of its order.
  virtual void postponed(std::size_t) {}
  /// All parts are done, and none failed. False: there is more to do, in another step.
  virtual bool answer() = 0;

  void fail(const protocol::Error& error);
  bool has_failed() const { return error_.has_value(); }
  void used(std::uint64_t bytes) { step_bytes_ += bytes; }
  /// The call holds so many bytes more (or less) until it is answered.
  void hold(std::int64_t bytes) { ticket_->grow(bytes); }
  /// Fails with `overloaded` if all that waits holds more than buffers may.
  void fail_if_too_much_is_held();

  Service& service() const { return service_; }
  const Address& from() const { return from_; }
  std::string_view name() const { return name_; }  ///< of the cache
  storage::CacheId cache_id() const { return cache_; }
  /// As long as it is there.
  storage::Cache* cache() const { return service_.catalog.find(cache_); }
  std::string_view key(std::size_t index) const { return keys_[index]; }
  std::size_t size() const { return keys_.size(); }

 private:
  class KeyPart;
  enum class Phase : std::uint8_t { kReading, kRunning, kAnswering };

  void read_some();
  void read_rest();
  void run_some(storage::TimeMs now);
  void run_together(storage::Cache& cache, storage::TimeMs now);
  void run_or_park(storage::Cache& cache, const storage::HashedKey& key, storage::TimeMs now);
  /// Parts that have not had their turn never will.
  void give_up(const protocol::Error& error);
  void part_done();
  void answer_or_go_on();
  void refuse(const protocol::Error& error);
  void end();

  Service& service_;
  Address from_;
  std::string_view method_;
  HeldBytes bytes_;  ///< the parameters
  Params params_;
  std::shared_ptr<Waits::Ticket> ticket_;
  Phase phase_ = Phase::kReading;
  std::string_view name_;
  storage::CacheId cache_ = 0;
  std::uint32_t items_ = 0;  ///< that were announced
  std::vector<std::string_view> keys_;
  std::size_t next_ = 0;  ///< that has not had its turn
  std::uint64_t step_bytes_ = 0;
  std::size_t left_ = 0;       ///< parts that are not done
  bool is_postponed_ = false;  ///< a part, until its key is there
  std::optional<protocol::Error> error_;
};

}  // namespace pannier::daemon
