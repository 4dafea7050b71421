// Puts that are answered when they are on disk, of many connections in closed loops, beside what one fsync a
// batch of all who wait allows. There are two floors.
//
// Measured: a bare server that does nothing else (durable_floor), under the same load.
//
// Computed: the time of as many of Pannier's puts without sync, and then of an fsync of a file that grows.
// Pannier's own work is in it: its share of that says what waiting together costs beyond its parts, not how
// far it is from what such a batch allows.
//
// So the target is of the measured one, unless the other is higher: then the bare server was held up.
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

#include "daemon/owned_fd.h"
#include "protocol/writer.h"
#include "tests/bench/dialect.h"
#include "tests/bench/durable.h"
#include "tests/bench/durable_floor.h"
#include "tests/bench/program.h"
#include "tests/bench/socket.h"
#include "tests/bench/table.h"
#include "tests/bench/work.h"

namespace pannier::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kConnections = 64;
constexpr double kTargetShare = 0.8;
/// What a record of this size takes in a log, about.
constexpr std::size_t kRecordBytes = 160;

std::string put_of(Dialect& dialect, Peer peer, const Key& key, bool has_sync) {
  std::string request;
  if (peer != Peer::kPannier) {
    dialect.put(request, {&key, 1}, kDurableValueBytes, std::nullopt);
    return request;
  }
  protocol::Writer writer(request);
  writer.request_start(1, "put");
  writer.array(has_sync ? 4 : 3);
  writer.string(kDurable);
  writer.string(view_of(key));
  writer.binary(value_of(kDurableValueBytes));
  if (!has_sync) return request;
  writer.map(1);
  writer.string("sync");
  writer.boolean(true);
  return request;
}

/// Connections with one put under way each, all in one thread.
class Putters {
 public:
  Putters(Peer peer, const std::string& socket_path, bool has_sync)
      : peer_(peer), has_sync_(has_sync), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (std::size_t i = 0; i < kConnections; ++i) {
      putters_.push_back(std::make_unique<Putter>(peer, socket_path));
      epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, putters_[i]->socket.fd(), &event);
    }
  }

  /// Puts a second.
  double run(std::chrono::seconds duration) {
    for (auto& putter : putters_) start(*putter);
    const auto begin = steady_clock::now();
    std::uint64_t done = 0;
    while (steady_clock::now() < begin + duration) done += step();
    return static_cast<double>(done) / std::chrono::duration<double>(steady_clock::now() - begin).count();
  }

 private:
  struct Putter {
    Putter(Peer peer, const std::string& socket_path)
        : socket(socket_path), dialect(dialect_of(peer, std::string(kDurable), 1)) {}
    Socket socket;
    std::unique_ptr<Dialect> dialect;
    std::string input;
  };

  void start(Putter& putter) {
    putter.socket.send(put_of(*putter.dialect, peer_, key_of(next_++), has_sync_));
  }

  std::uint64_t step() {
    epoll_event events[kConnections];
    std::uint64_t done = 0;
    const int count = ::epoll_wait(epoll_.get(), events, kConnections, 1000);
    for (int i = 0; i < count; ++i) {
      Putter& putter = *putters_[events[i].data.u64];
      putter.socket.receive(putter.input);
      Tally tally;
      putter.input.erase(0, putter.dialect->take(putter.input, tally));
      if (!tally.refusal.empty()) throw std::runtime_error("put: " + tally.refusal);
      done += tally.good;
      if (tally.replies > 0) start(putter);
    }
    return done;
  }

  Peer peer_;
  bool has_sync_;
  daemon::OwnedFd epoll_;
  std::vector<std::unique_ptr<Putter>> putters_;
  std::uint64_t next_ = 0;
};

double puts_of(Peer peer, const ServerOptions& server_options, bool has_sync, std::chrono::seconds duration) {
  progress(std::string(peer_name(peer)) + (has_sync ? ": put" : ": put without sync"));
  const Server server(peer, server_options);
  return Putters(peer, server.socket_path(), has_sync).run(duration);
}

/// What Pannier answers to a put, with a version as long as they are.
std::string reply_to_put() {
  std::string reply;
  protocol::Writer writer(reply);
  writer.response_start(protocol::MessageId::from_integer(1));
  writer.unsigned_integer(1'000'000);
  return reply;
}

double floor_of(std::chrono::seconds duration) {
  progress("the floor: put");
  const auto dialect = dialect_of(Peer::kPannier, std::string(kDurable), 1);
  const DurableFloor floor({.request_bytes = put_of(*dialect, Peer::kPannier, key_of(0), true).size(),
                            .record_bytes = kRecordBytes,
                            .reply = reply_to_put()});
  return Putters(Peer::kPannier, floor.socket_path(), true).run(duration);
}

/// Fsyncs a second, of as much as all put.
double fsyncs_of(std::chrono::seconds duration) {
  progress("the disk alone");
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  const daemon::OwnedFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
  const std::string records(kConnections * kRecordBytes, 'r');
  const auto begin = steady_clock::now();
  std::uint64_t fsyncs = 0;
  for (; steady_clock::now() < begin + duration; ++fsyncs) {
    if (::write(file.get(), records.data(), records.size()) != static_cast<ssize_t>(records.size()) ||
        ::fdatasync(file.get()) != 0)
      throw std::runtime_error("cannot write " + path);
  }
  return static_cast<double>(fsyncs) / std::chrono::duration<double>(steady_clock::now() - begin).count();
}

/// What is allowed, and Pannier's share of it, repeat by repeat.
struct Floor {
  void add(double rate, double pannier) {
    rates.push_back(rate);
    shares.push_back(pannier / rate);
  }
  void add_to(Table& table, const std::string& name) const {
    const double share = median_of(shares);
    table.add({name, number(median_of(rates), 0), spread_of(rates), number(share, 2), spread_of(shares, 2),
               verdict(share >= kTargetShare)});
  }

  std::vector<double> rates;
  std::vector<double> shares;
};

}  // namespace

void measure_put(const DurableOptions& options, nlohmann::json& results) {
  const std::chrono::seconds duration(options.seconds);
  std::vector<double> pannier;
  std::vector<double> without_sync;
  std::vector<double> fsyncs;
  std::vector<double> redis;
  Floor measured;
  Floor computed;
  for (std::uint64_t i = 0; i < options.repeats; ++i) {
    fsyncs.push_back(fsyncs_of(duration));
    pannier.push_back(puts_of(Peer::kPannier, {}, true, duration));
    measured.add(floor_of(duration), pannier.back());
    without_sync.push_back(puts_of(Peer::kPannier, {}, false, duration));
    redis.push_back(puts_of(Peer::kRedis, with_appendonly("always"), true, duration));
    computed.add(kConnections / (kConnections / without_sync.back() + 1 / fsyncs.back()), pannier.back());
  }
  progress("");
  Table table({"puts/s on disk, " + std::to_string(kConnections) + " connections", "median", "spread",
               "pannier's share", "spread", ""});
  const auto add = [&](const std::string& name, const std::vector<double>& rates) {
    table.add({name, number(median_of(rates), 0), spread_of(rates), "", "", ""});
  };
  add("pannier, sync: true", pannier);
  measured.add_to(table, "floor, measured: a bare server");
  computed.add_to(table, "floor, computed: both of the next two");
  add("pannier, without sync", without_sync);
  add("fsyncs of 64 records", fsyncs);
  add("redis, appendfsync always", redis);
  table.print();
  const bool is_measured = median_of(measured.rates) >= median_of(computed.rates);
  std::printf("target for pannier: %s of the higher floor, the %s one\n\n", number(kTargetShare, 1).c_str(),
              is_measured ? "measured" : "computed");
  results = {{"pannier_per_second", pannier},
             {"measured_floor_per_second", measured.rates},
             {"share_of_measured_floor", measured.shares},
             {"computed_floor_per_second", computed.rates},
             {"share_of_computed_floor", computed.shares},
             {"without_sync_per_second", without_sync},
             {"fsyncs_per_second", fsyncs},
             {"redis_per_second", redis}};
}

}  // namespace pannier::bench
