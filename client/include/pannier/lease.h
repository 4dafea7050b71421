// A lease: the right, and the duty, to compute one key while everybody else who asks for it waits. See
// Client::lease.
//
//   auto found = client.lease<Report>("lru", "report:7");
//   if (found.lease) found.lease->put(compute());       // granted: compute it for everybody
//   else if (found.value) use(*found.value);            // there, or somebody else has just computed it
//   else ...                                            // somebody is still computing: the wait is over
//
// A lease ends with the connection it was granted on, so a Lease owns one connection (beyond those of the
// pool) until it is done. One that is destroyed without put() is released, and the next waiter gets the
// token: an exception in the computation needs no care.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pannier/options.h"
#include "pannier/value.h"

namespace pannier {

class Client;

/// Not thread-safe: one thread at a time. May outlive its Client. In a forked child it is void: put() and
/// release() throw ConnectionError there, and its destructor tells the daemon nothing.
class Lease {
 public:
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease();

  Token token() const noexcept;

  /// Stores `value` under the key and ends the lease. Nothing: the lease was over (its time had passed, or
  /// another write or delete of the key had ended it) or options.condition did not hold; nothing was written
  /// then. `options.lease` is ignored. InvalidArgument: the lease was put or released before.
  template <class T>
  std::optional<Version> put(const T& value, const PutOptions& options = {}) {
    return put_raw(pack(value), options);
  }
  /// The same; `packed` is one MessagePack object, else InvalidArgument.
  std::optional<Version> put_raw(std::string_view packed, const PutOptions& options = {});

  /// Ends the lease without a value. False: it was over already.
  bool release();

 private:
  friend class Client;
  struct Held;
  explicit Lease(std::unique_ptr<Held> held) noexcept;
  std::unique_ptr<Held> held_;
};

/// What Client::lease found. Neither value nor lease: somebody else is computing, and the wait is over.
template <class T>
struct LeaseResult {
  std::optional<T> value;
  /// `value` is past its deadline, but within its stale window. With a lease: this caller is to refresh it.
  bool stale = false;
  /// This caller is to compute the value.
  std::optional<Lease> lease;
};

}  // namespace pannier
