#include "tests/bench/contest.h"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <utility>

#include "client/load/rpc_dialect.h"
#include "tests/bench/echo.h"
#include "tests/bench/loader.h"
#include "tests/bench/processors.h"
#include "tests/bench/program.h"
#include "tests/bench/ring_wire.h"
#include "tests/bench/standing.h"
#include "tests/bench/text_dialects.h"

namespace pannier::bench {
namespace {

constexpr std::uint64_t kMemoryBytes = std::uint64_t{1} << 30;
constexpr std::size_t kFillBytes = std::size_t{16} << 20;

/// Of Pannier's reply to a put: [1, id, nil, version].
constexpr std::size_t kConfirmationBytes = 11;

/// So that only gets and puts are measured: one thread for the sockets, nothing on disk, nothing evicted.
std::vector<std::string> own_arguments(Peer peer) {
  switch (peer) {
    case Peer::kPannier:
      return {};
    case Peer::kRedis:
      return {"--io-threads", "1", "--appendonly", "no", "--maxmemory", "0"};
    case Peer::kMemcached:
      return {"-t", "1"};
  }
  return {};
}

std::unique_ptr<load::Dialect> dialect_for(Peer peer, const load::Entries& entries) {
  switch (peer) {
    case Peer::kPannier:
      return std::make_unique<load::RpcDialect>(entries, std::string(kCache));
    case Peer::kRedis:
      return std::make_unique<RespDialect>(entries);
    case Peer::kMemcached:
      return std::make_unique<MetaDialect>(entries);
  }
  return nullptr;
}

}  // namespace

/// A contestant that runs.
class Contest::Entrant {
 public:
  Entrant(const Contestant& contestant, const load::Entries& entries)
      : name_(contestant.name),
        only_(contestant.only),
        has_spinning_client_(contestant.has_spinning_client),
        entries_(entries) {
    if (!contestant.peer || (only_ && only_->value_bytes != entries.value_bytes())) return;
    auto arguments = own_arguments(*contestant.peer);
    arguments.insert(arguments.end(), contestant.arguments.begin(), contestant.arguments.end());
    server_.emplace(*contestant.peer, ServerOptions{.memory_bytes = kMemoryBytes,
                                                    .processor = server_processor(),
                                                    .program = contestant.program,
                                                    .arguments = std::move(arguments)});
    dialect_ = dialect_for(*contestant.peer, entries);
    fill();
  }

  const std::string& name() const { return name_; }
  bool has_spinning_client() const { return has_spinning_client_; }

  /// False if it has no part in this shape.
  bool prepare(const Shape& shape) {
    if (only_ && *only_ != shape) return false;
    if (!server_) imitate_pannier(shape);
    tape_ = load::Tape::of_load(*dialect_, entries_, shape.mix, shape.keys);
    return true;
  }

  load::Measured run(load::LoadOptions options) const {
    options.socket_path = server_ ? server_->socket_path() : echo_->socket_path();
    options.server = server_ ? server_->pid() : echo_->pid();
    try {
      return load::run_load(*dialect_, tape_, options);
    } catch (const load::Fault& fault) {
      throw std::runtime_error(name_ + ": " + fault.what() + (server_ ? '\n' + server_->log() : ""));
    }
  }

 private:
  void fill() {
    progress(name_ + ": filling");
    Loader(*server_).open();
    const auto step =
        static_cast<std::uint32_t>(std::max<std::size_t>(1, kFillBytes / entries_.value_bytes()));
    for (std::uint32_t first = 0; first < entries_.count(); first += step) {
      const auto end = std::min(entries_.count(), first + step);
      load::run_once(*dialect_, load::Tape::of_puts(*dialect_, first, end),
                     {.socket_path = server_->socket_path(), .connections = 4, .depth = 16});
    }
  }

  /// Requests and replies as long as Pannier's.
  void imitate_pannier(const Shape& shape) {
    const load::RpcDialect pannier(entries_, std::string(kCache));
    const std::vector<std::uint32_t> numbers(load::keys_of(shape.mix));
    const auto read = shape.mix == load::Mix::kGetMany ? load::Kind::kGetMany : load::Kind::kGet;
    std::string request;
    std::string reply;
    std::string put;
    pannier.append_request(request, {read, load::kIdMin, numbers});
    pannier.append_reply(reply, {read, load::kIdMin, numbers});
    const auto written = shape.mix == load::Mix::kPutTtl ? load::Kind::kPutTtl : load::Kind::kPut;
    pannier.append_request(put, {written, load::kIdMin, std::span(numbers).first(1)});
    const Exchanges exchanges{.read = {request.size(), reply.size()},
                              .put = {put.size(), kConfirmationBytes}};
    echo_.emplace(exchanges, server_processor());
    dialect_ = std::make_unique<EchoDialect>(entries_, exchanges);
  }

  std::string name_;
  std::optional<Shape> only_;
  bool has_spinning_client_;
  const load::Entries& entries_;
  std::optional<Server> server_;
  std::optional<Echo> echo_;
  std::unique_ptr<load::Dialect> dialect_;
  load::Tape tape_;
};

Contest::Contest(const std::vector<Contestant>& contestants, std::size_t value_bytes,
                 const ContestOptions& options)
    : options_(options), entries_(entries_of(value_bytes), value_bytes) {
  for (const auto& contestant : contestants)
    entrants_.push_back(std::make_unique<Entrant>(contestant, entries_));
}

Contest::~Contest() = default;

Rounds Contest::run(const Shape& shape, const std::function<void(const std::string&)>& progress) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < entrants_.size(); ++i) {
    if (entrants_[i]->prepare(shape)) order.push_back(i);
  }
  Rounds rounds(entrants_.size());
  const auto is_enough = [&](std::uint64_t done) {
    return done >= options_.rounds && (done >= options_.rounds_max || !is_scattered(rounds));
  };
  for (std::uint64_t round = 0; !is_enough(round); ++round) {
    for (const auto i : order) {
      progress(shape.name() + ": round " + std::to_string(round + 1) + ", " + entrants_[i]->name());
      rounds[i].push_back(measure(*entrants_[i], shape));
    }
    std::reverse(order.begin(), order.end());
  }
  return rounds;
}

load::MakeWire Contest::wire_for(const Entrant& entrant, const Shape& shape) const {
  const bool is_small = load::keys_of(shape.mix) * shape.value_bytes <= kRingReplyBytesMax;
  // A client that asks one thing at a time sleeps until it is answered, unless it was told to spin.
  load::Waiting waiting = shape.connections * shape.depth == 1 ? load::Waiting::kSleeps : options_.waiting;
  if (entrant.has_spinning_client()) waiting = load::Waiting::kSpins;
  return options_.has_ring && is_small ? ring_wire(waiting) : load::epoll_wire(waiting);
}

Figures Contest::measure(Entrant& entrant, const Shape& shape) const {
  const auto measured = entrant.run({.connections = shape.connections,
                                     .depth = shape.depth,
                                     .warmup_s = options_.warmup_s,
                                     .measured_s = options_.measured_s,
                                     .wire = wire_for(entrant, shape)});
  const auto requests = static_cast<double>(std::max<std::uint64_t>(measured.requests, 1));
  return {.requests_s = requests / measured.seconds,
          .p50_us = measured.latencies.quantile_ns(0.5) / 1e3,
          .p99_us = measured.latencies.quantile_ns(0.99) / 1e3,
          .p999_us = measured.latencies.quantile_ns(0.999) / 1e3,
          .server_cpu_us = measured.server_cpu_s * 1e6 / requests,
          .generator_share = measured.generator_cpu_s / measured.seconds};
}

}  // namespace pannier::bench
