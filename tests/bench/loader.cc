#include "tests/bench/loader.h"

#include <algorithm>
#include <utility>

#include "protocol/writer.h"
#include "tests/bench/program.h"

namespace pannier::bench {
namespace {

/// Of requests or replies on their way: what a socket's buffer takes, so that neither side waits for the
/// other.
constexpr std::size_t kBatchBytes = 64 * 1024;
constexpr std::uint64_t kProgressEntries = 100'000;

}  // namespace

Loader::Loader(const Server& server, LoaderOptions options)
    : peer_(server.peer()),
      options_(std::move(options)),
      dialect_(dialect_of(peer_, options_.cache, options_.many_max)),
      socket_(server.socket_path()) {}

void Loader::open() {
  if (peer_ != Peer::kPannier) return;
  std::string params;
  protocol::Writer writer(params);
  writer.array(2);
  writer.string(options_.cache);
  writer.map(1);
  writer.string("tier");
  writer.string("lru");
  ask(pannier_request("open", params));
}

std::uint64_t Loader::put(const Entries& entries, std::optional<std::int64_t> deadline_ms,
                          const std::string& what) {
  std::vector<Key> keys;
  return pipeline(entries.count, entries.value_bytes, what,
                  [&](std::string& out, std::uint64_t from, std::uint64_t count) {
                    keys.clear();
                    for (std::uint64_t i = 0; i < count; ++i)
                      keys.push_back(key_of(entries.first + from + i));
                    return dialect_->put(out, keys, entries.value_bytes, deadline_ms);
                  });
}

std::uint64_t Loader::hits(const std::vector<std::uint64_t>& numbers, std::size_t value_bytes) {
  std::vector<Key> keys;
  return pipeline(numbers.size(), value_bytes, "",
                  [&](std::string& out, std::uint64_t from, std::uint64_t count) {
                    keys.clear();
                    for (std::uint64_t i = 0; i < count; ++i) keys.push_back(key_of(numbers[from + i]));
                    return dialect_->get(out, keys);
                  });
}

void Loader::ask(std::string_view request) {
  socket_.send(request);
  wait_for(++sent_);
}

std::uint64_t Loader::pipeline(std::uint64_t count, std::size_t value_bytes, const std::string& what,
                               const Append& append) {
  const std::uint64_t good_before = tally_.good;
  const std::uint64_t batch =
      std::clamp<std::uint64_t>(kBatchBytes / (value_bytes + kKeyBytes), 1, options_.batch_entries);
  std::uint64_t told = 0;
  std::string out;
  for (std::uint64_t from = 0; from < count; from += batch) {
    const std::uint64_t sent_before = sent_;
    out.clear();
    sent_ += append(out, from, std::min(batch, count - from));
    socket_.send(out);
    wait_for(sent_before);
    if (what.empty() || from < told) continue;
    progress(what + ": " + std::to_string(from * 100 / count) + " %");
    told = from + kProgressEntries;
  }
  wait_for(sent_);
  return tally_.good - good_before;
}

void Loader::wait_for(std::uint64_t replies) {
  while (tally_.replies < replies) {
    socket_.receive(input_);
    input_.erase(0, dialect_->take(input_, tally_));
  }
}

}  // namespace pannier::bench
