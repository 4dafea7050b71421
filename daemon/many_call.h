// ManyCall: a request over many keys of one durable cache, some of which may be cold. Each key is an
// operation of its own: it runs at once, or waits for its key in its place among the others that wait for it.
// The request is answered when the last has run; if one failed, with the first error (what the others did
// stays done).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/call.h"
#include "daemon/service.h"
#include "storage/cache.h"

namespace pannier::daemon {

class ManyCall : public std::enable_shared_from_this<ManyCall> {
 public:
  virtual ~ManyCall() = default;

  /// Runs or parks every part.
  void start(storage::Cache& cache, storage::TimeMs now);

 protected:
  /// What a part came to.
  enum class Part : std::uint8_t { kDone, kCold };

  ManyCall(Service& service, const Address& from, std::vector<std::string> keys, std::uint64_t held_bytes);

  /// Does the work for one key. It may set an error by fail().
  virtual Part run(storage::Cache& cache, std::size_t index, storage::TimeMs now) = 0;
  /// All parts are done, and none failed.
  virtual void answer() = 0;
  void fail(const protocol::Error& error);
  /// The call holds so many bytes more (or less) until it is answered.
  void hold(std::int64_t bytes) { ticket_->grow(bytes); }

  Service& service() { return service_; }
  const Address& from() const { return from_; }
  const std::string& key(std::size_t index) const { return keys_[index]; }
  std::size_t size() const { return keys_.size(); }

 private:
  class KeyPart;

  void part_done();

  Service& service_;
  Address from_;
  std::vector<std::string> keys_;
  std::shared_ptr<Waits::Ticket> ticket_;
  std::size_t left_;
  std::optional<protocol::Error> error_;
};

}  // namespace pannier::daemon
