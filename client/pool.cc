#include "client/pool.h"

#include <sys/types.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "client/process.h"

namespace pannier::detail {

struct Pool::State {
  const pid_t owner = process_id();
  std::mutex mutex;
  std::condition_variable place_is_free;
  std::vector<std::unique_ptr<Connection>> idle;
  std::size_t lent = 0;
};

Pool::Loan::Loan(Loan&& other) noexcept
    : pool_(other.pool_),
      state_(std::exchange(other.state_, nullptr)),
      place_(other.place_),
      connection_(std::move(other.connection_)),
      keep_(other.keep_) {}

Pool::Loan::~Loan() {
  if (!state_) return;
  const std::lock_guard lock(state_->mutex);
  if (place_ == Place::kCounted) --state_->lent;
  if (keep_ && connection_) pool_->keep(*state_, std::move(connection_));
  state_->place_is_free.notify_one();
}

Pool::Pool(ClientOptions options)
    : options_(std::move(options)), state_(new State), shared_(*this, options_.shared_reads) {
  if (options_.path.empty()) options_.path = default_socket_path();
  options_.pool_size = std::max<std::size_t>(options_.pool_size, 1);
}

Pool::~Pool() { delete &state(); }

Pool::Loan Pool::lend(Place place, Deadline deadline) {
  Loan loan = reserve(place, deadline);
  if (!loan.connection_) loan.connection_ = connect(deadline);
  return loan;
}

Pool::Loan Pool::lend_new(Place place, Deadline deadline) {
  Loan loan = reserve(place, deadline);
  {
    const std::lock_guard lock(loan.state_->mutex);
    loan.state_->idle.clear();
  }
  loan.connection_ = connect(deadline);
  return loan;
}

std::unique_ptr<Connection> Pool::connect(Deadline deadline) const {
  const auto soonest = std::min(deadline, deadline_after(options_.connect_timeout));
  auto socket = Socket::connect(options_.path, soonest);
  socket.spin_for(options_.spin);
  socket.on_signal(options_.on_signal);
  return std::make_unique<Connection>(std::move(socket), options_.reply_bytes_max);
}

void Pool::give(std::unique_ptr<Connection> connection) {
  if (connection->is_inherited()) return;
  State& here = state();
  const std::lock_guard lock(here.mutex);
  keep(here, std::move(connection));
}

Pool::Loan Pool::reserve(Place place, Deadline deadline) {
  State& here = state();
  std::unique_lock lock(here.mutex);
  if (place == Place::kCounted) {
    const auto is_free = [&] { return here.lent < options_.pool_size; };
    if (!here.place_is_free.wait_until(lock, deadline, is_free)) {
      throw TimeoutError("all " + std::to_string(options_.pool_size) + " connections of the pool were in use",
                         false);
    }
    ++here.lent;
  }
  Loan loan(*this, here, place);
  if (!here.idle.empty()) {
    loan.connection_ = std::move(here.idle.back());
    here.idle.pop_back();
  }
  return loan;
}

// The state's mutex is held. What is too much, or of no more use, is closed.
void Pool::keep(State& state, std::unique_ptr<Connection> connection) const {
  if (state.idle.size() + state.lent < options_.pool_size && connection->is_reusable()) {
    state.idle.push_back(std::move(connection));
  }
}

// This process' state; in a child of the process that made it, a new one.
Pool::State& Pool::state() {
  State* current = state_.load();
  if (current->owner == process_id()) return *current;
  auto fresh = std::make_unique<State>();
  if (!state_.compare_exchange_strong(current, fresh.get())) return *current;
  // Nobody else can hold the parent's mutex here, unless it was held by a thread that the fork left behind.
  // The parent's state itself is never destroyed: its threads may have waited for a place, and a condition
  // variable that is destroyed waits for those who wait for it.
  if (current->mutex.try_lock()) {
    current->idle.clear();
    current->mutex.unlock();
  }
  return *fresh.release();
}

}  // namespace pannier::detail
