#include "tests/bench/getter.h"

#include <algorithm>
#include <exception>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "tests/bench/dialect.h"
#include "tests/bench/processors.h"
#include "tests/bench/socket.h"
#include "tests/bench/work.h"

namespace pannier::bench {
namespace {

constexpr std::uint64_t kHotNumber = ~std::uint64_t{0};
constexpr std::size_t kLatenciesMax = 10'000'000;

void go_first() {
  sched_param parameters{};
  parameters.sched_priority = 1;
  ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &parameters);
}

void ask(Socket& socket, Dialect& dialect, const std::string& request, std::string& input) {
  Tally tally;
  socket.send(request);
  while (tally.replies == 0) {
    socket.receive(input);
    input.erase(0, dialect.take(input, tally));
  }
}

}  // namespace

Getter::Getter(const Server& server, int processor, const std::string& cache) {
  taken_ns_.reserve(kLatenciesMax);
  thread_ = std::thread([this, processor, cache, path = server.socket_path(), peer = server.peer()] {
    pin_thread(processor);
    go_first();
    try {
      run(path, peer, cache);
    } catch (const std::exception& error) {
      fault_ = error.what();
    }
  });
}

Getter::~Getter() {
  is_stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

Latencies Getter::stop() {
  is_stopping_ = true;
  thread_.join();
  if (!fault_.empty() || taken_ns_.empty()) throw std::runtime_error("get was not answered: " + fault_);
  std::sort(taken_ns_.begin(), taken_ns_.end());
  const auto at = [&](double share) {
    return taken_ns_[static_cast<std::size_t>(share * static_cast<double>(taken_ns_.size() - 1))] / 1e6;
  };
  Latencies latencies{.max_ms = at(1), .p50_ms = at(0.5), .p99_ms = at(0.99), .p999_ms = at(0.999)};
  latencies.taken_ns = std::move(taken_ns_);
  return latencies;
}

double Latencies::share_above(double limit_ms) const {
  const auto first = std::ranges::upper_bound(taken_ns, limit_ms * 1e6, {},
                                              [](std::uint32_t taken) { return static_cast<double>(taken); });
  const double above = std::accumulate(first, taken_ns.end(), 0.0);
  return above / std::accumulate(taken_ns.begin(), first, above);
}

void Getter::run(const std::string& socket_path, Peer peer, const std::string& cache) {
  Socket socket(socket_path);
  const auto dialect = dialect_of(peer, cache, 1);
  const Key key = key_of(kHotNumber);
  std::string put;
  std::string get;
  std::string input;
  dialect->put(put, {&key, 1}, 64, std::nullopt);
  dialect->get(get, {&key, 1});
  ask(socket, *dialect, put, input);
  while (!is_stopping_ && taken_ns_.size() < kLatenciesMax) {
    const auto begin = std::chrono::steady_clock::now();
    ask(socket, *dialect, get, input);
    const std::chrono::nanoseconds taken = std::chrono::steady_clock::now() - begin;
    taken_ns_.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>(taken.count(), UINT32_MAX)));
  }
}

}  // namespace pannier::bench
