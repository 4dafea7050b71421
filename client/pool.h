// Pool: the connections of one Client. Lends each to one thread at a time, makes new ones while fewer than
// pool_size are lent, and keeps those that come back healthy. Connections that leases and subscriptions hold
// do not count.
//
// Thread-safe. After a fork the child starts with an empty pool: the connections it inherited are closed,
// which the parent does not notice. If another thread was inside the pool at the moment of the fork, they are
// leaked instead, because nobody can tell what that thread was about to do with them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "client/connection.h"
#include "client/deadline.h"
#include "client/shared_view.h"
#include "pannier/options.h"

namespace pannier::detail {

/// Whether a loan takes one of the pool_size places, or comes in addition: for what may wait for other
/// clients.
enum class Place { kCounted, kBeyond };

class Pool {
 public:
  struct State;

  /// A connection on loan; returned at the end of its life. Closed then, unless keep() was called.
  class Loan {
   public:
    Loan(Loan&& other) noexcept;
    Loan& operator=(Loan&& other) = delete;
    ~Loan();

    Connection& operator*() const { return *connection_; }
    /// It may be lent to others afterwards.
    void keep() { keep_ = true; }
    /// Takes the connection out of the pool.
    std::unique_ptr<Connection> take() { return std::move(connection_); }

   private:
    friend class Pool;
    Loan(Pool& pool, State& state, Place place) : pool_(&pool), state_(&state), place_(place) {}
    Pool* pool_;
    State* state_;
    Place place_;
    std::unique_ptr<Connection> connection_;
    bool keep_ = false;
  };

  /// A path that is empty becomes default_socket_path().
  explicit Pool(ClientOptions options);
  ~Pool();

  const ClientOptions& options() const { return options_; }
  /// Never the same twice in this process' life.
  std::uint64_t next_id() { return next_id_.fetch_add(1, std::memory_order_relaxed); }

  /// What is read without a request.
  SharedView& shared() { return shared_; }

  /// One that was kept, else a new one; waits for a place. ConnectionError, TimeoutError (nothing was sent).
  Loan lend(Place place, Deadline deadline);
  /// A new one, and those that were kept are closed: the daemon has closed one of them, and with it all.
  Loan lend_new(Place place, Deadline deadline);
  /// A new connection that the pool does not count. ConnectionError, TimeoutError.
  std::unique_ptr<Connection> connect(Deadline deadline) const;
  /// A healthy connection that the pool does not count: kept for the next, or closed if there are enough.
  void give(std::unique_ptr<Connection> connection);

 private:
  State& state();
  /// A loan with a connection that was kept, or with none; waits for a place.
  Loan reserve(Place place, Deadline deadline);
  void keep(State& state, std::unique_ptr<Connection> connection) const;

  ClientOptions options_;
  std::atomic<std::uint64_t> next_id_ = 1;
  std::atomic<State*> state_;
  SharedView shared_;
};

}  // namespace pannier::detail
