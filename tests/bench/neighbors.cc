#include "tests/bench/neighbors.h"

#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <future>
#include <memory>
#include <span>
#include <stdexcept>
#include <utility>

#include "tests/bench/caller.h"
#include "tests/bench/getter.h"
#include "tests/bench/loader.h"
#include "tests/bench/processors.h"
#include "tests/bench/requests.h"
#include "tests/bench/work.h"

namespace pannier::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Those that all are, and those that are asked for many at a time.
constexpr std::size_t kSmallBytes = 8;
constexpr std::size_t kManyValueBytes = 64;
constexpr std::uint64_t kManyFirst = 1'000'000'000;
constexpr std::size_t kMany = 100'000;
constexpr std::size_t kFew = 1'000;
/// Those that a slow reader asks for.
constexpr std::uint64_t kLargeFirst = 2'000'000'000;
constexpr std::uint64_t kLarge = 64;
constexpr std::size_t kLargeBytes = std::size_t{256} << 10;
constexpr int kSlowReaders = 16;
constexpr std::uint64_t kHugeFirst = 3'000'000'000;
constexpr std::uint64_t kHuge = 4;
constexpr std::size_t kHugeBytes = std::size_t{16} << 20;
constexpr std::size_t kPipelineBytes = std::size_t{256} << 20;
constexpr std::size_t kPipelinePartBytes = std::size_t{16} << 20;

std::vector<Key> keys_from(std::uint64_t first, std::size_t count) {
  std::vector<Key> keys;
  keys.reserve(count);
  for (std::size_t i = 0; i < count; ++i) keys.push_back(key_of(first + i));
  return keys;
}

/// So many of them, others in each round.
NeighborRound get_many(const Server& server, std::size_t count) {
  std::vector<std::string> requests;
  const auto keys = keys_from(kManyFirst, kMany);
  for (std::size_t at = 0; at < kMany; at += count)
    requests.push_back(get_many_request(server.peer(), std::span(keys).subspan(at, count)));
  return [caller = std::make_shared<Caller>(server), requests = std::move(requests),
          turn = std::size_t{0}]() mutable { caller->ask(requests[turn++ % requests.size()]); };
}

NeighborRound put_many(const Server& server) {
  const auto keys = keys_from(kManyFirst, kMany);
  return
      [caller = std::make_shared<Caller>(server),
       request = put_many_request(server.peer(), keys, value_of(kManyValueBytes))] { caller->ask(request); };
}

/// Of entries that are put again each time, in parts that are short.
NeighborRound delete_many(const Server& server) {
  const auto keys = keys_from(kManyFirst, kMany);
  std::vector<std::string> puts;
  for (std::size_t at = 0; at < kMany; at += kFew) {
    puts.push_back(
        put_many_request(server.peer(), std::span(keys).subspan(at, kFew), value_of(kManyValueBytes)));
  }
  return [caller = std::make_shared<Caller>(server), puts = std::move(puts),
          request = delete_many_request(server.peer(), keys)] {
    for (const auto& put : puts) caller->ask(put);
    caller->ask(request);
  };
}

/// A part of the pipeline, gets and puts in turn.
struct Part {
  std::string requests;
  std::uint64_t replies = 0;
};

Part pipeline_part(Peer peer, std::uint64_t entries) {
  Part part;
  while (part.requests.size() < kPipelinePartBytes) {
    append_get(part.requests, peer, key_of(part.replies * 7919 % entries));
    append_put(part.requests, peer, key_of(kManyFirst + part.replies % kMany), value_of(kManyValueBytes));
    part.replies += 2;
  }
  return part;
}

NeighborRound pipeline(const Server& server, std::uint64_t entries) {
  return [socket = std::make_shared<Socket>(server.socket_path()), peer = server.peer(),
          part = pipeline_part(server.peer(), entries)] {
    constexpr std::size_t kParts = kPipelineBytes / kPipelinePartBytes;
    auto sending = std::async(std::launch::async, [&] {
      for (std::size_t i = 0; i < kParts; ++i) socket->send(part.requests);
    });
    ReplyScanner scanner(peer);
    std::string input;
    for (std::uint64_t left = part.replies * kParts; left > 0;) {
      socket->receive(input);
      std::size_t taken = 0;
      while (const auto size = scanner.scan(std::string_view(input).substr(taken))) {
        taken += *size;
        --left;
      }
      input.erase(0, taken);
    }
    sending.get();
  };
}

NeighborRound walk(const Server& server) {
  return [caller = std::make_shared<Caller>(server), peer = server.peer()] {
    std::string cursor;
    do {
      cursor = next_cursor(peer, caller->ask(page_request(peer, cursor)));
    } while (!cursor.empty());
  };
}

NeighborRound all_keys(const Server& server) {
  return [caller = std::make_shared<Caller>(server)] { caller->ask("KEYS *\r\n"); };
}

/// A round is a second, in which each of them reads a byte.
NeighborRound slow_readers(const Server& server) {
  auto sockets = std::make_shared<std::vector<Socket>>();
  std::string gets;
  for (std::uint64_t i = 0; i < kLarge; ++i) append_get(gets, server.peer(), key_of(kLargeFirst + i));
  for (int i = 0; i < kSlowReaders; ++i) sockets->emplace_back(server.socket_path());
  for (auto& socket : *sockets) socket.send(gets);
  return [sockets] {
    for (const auto& socket : *sockets) {
      char byte = 0;
      if (::recv(socket.fd(), &byte, 1, 0) != 1) throw std::runtime_error("a slow reader was given up");
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
  };
}

NeighborRound huge_values(const Server& server) {
  return [caller = std::make_shared<Caller>(server), peer = server.peer(),
          value = std::string(kHugeBytes, 'v'), turn = std::uint64_t{0}]() mutable {
    const Key key = key_of(kHugeFirst + turn++ % kHuge);
    std::string put;
    std::string get;
    append_put(put, peer, key, value);
    append_get(get, peer, key);
    caller->ask(put);
    caller->ask(get);
  };
}

std::vector<NeighborKind> all_neighbors(bool is_pannier, std::uint64_t entries) {
  const std::string get = is_pannier ? "get_many" : "MGET";
  const std::string put = is_pannier ? "put_many" : "MSET";
  const std::string erase = is_pannier ? "delete_many" : "UNLINK";
  return {
      {"get_many", get + " of 1,000", [](const Server& server) { return get_many(server, kFew); }},
      {"get_many", get + " of 100,000", [](const Server& server) { return get_many(server, kMany); }},
      {"put_many", put + " of 100,000", put_many},
      {"delete_many", erase + " of 100,000, put again", delete_many},
      {"pipeline", "a pipeline of 256 MiB", [=](const Server& server) { return pipeline(server, entries); }},
      {"keys", is_pannier ? "keys, a whole walk" : "SCAN, a whole walk", walk},
      {"keys", "KEYS *", all_keys},
      {"slow", "16 readers of a byte a second", slow_readers},
      {"large", "16 MiB put and got", huge_values},
  };
}

}  // namespace

std::vector<std::string> neighbor_scenarios() {
  return {"get_many", "put_many", "delete_many", "pipeline", "keys", "slow", "large"};
}

std::vector<NeighborKind> neighbors_of(Peer peer, std::uint64_t entries) {
  const bool is_pannier = peer == Peer::kPannier;
  auto kinds = all_neighbors(is_pannier, entries);
  if (is_pannier) std::erase_if(kinds, [](const NeighborKind& kind) { return kind.name == "KEYS *"; });
  return kinds;
}

void fill_for_neighbors(const Server& server, std::uint64_t entries) {
  Loader loader(server);
  loader.open();
  const std::string what = std::string(peer_name(server.peer())) + ": filling";
  const auto put = [&](const Entries& some) {
    if (loader.put(some, std::nullopt, what) != some.count)
      throw std::runtime_error(what + ": " + loader.refusal());
  };
  put({.count = entries, .value_bytes = kSmallBytes});
  put({.first = kManyFirst, .count = kMany, .value_bytes = kManyValueBytes});
  Caller caller(server);
  const std::string value(kLargeBytes, 'v');
  for (std::uint64_t i = 0; i < kLarge; ++i) {
    std::string request;
    append_put(request, server.peer(), key_of(kLargeFirst + i), value);
    caller.ask(request);
  }
}

Neighbor::Neighbor(const NeighborKind& kind, const Server& server, int processor) {
  thread_ = std::thread([this, &kind, &server, processor] {
    pin_thread(processor);
    try {
      const NeighborRound round = kind.start(server);
      while (!is_over_) {
        round();
        ++rounds_;
      }
    } catch (const std::exception& error) {
      fault_ = kind.name + ": " + error.what();
      has_failed_ = true;
    }
  });
}

Neighbor::~Neighbor() {
  is_over_ = true;
  thread_.join();
}

void Neighbor::run_for(milliseconds duration) {
  const auto begin = steady_clock::now();
  while (!has_failed_ && (rounds_ == 0 || steady_clock::now() - begin < duration))
    std::this_thread::sleep_for(milliseconds(5));
  if (has_failed_) throw std::runtime_error(fault_);
  rounds_s_ =
      static_cast<double>(rounds_) / std::chrono::duration<double>(steady_clock::now() - begin).count();
}

}  // namespace pannier::bench
