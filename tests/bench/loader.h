// Loader: one connection that gives a server a lot to do, pipelined: while the server works on one batch the
// next one is on its way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/dialect.h"
#include "tests/bench/peers.h"
#include "tests/bench/socket.h"
#include "tests/bench/work.h"

namespace pannier::bench {

/// The cache of Pannier that benchmarks fill.
inline constexpr std::string_view kCache = "bench";

struct LoaderOptions {
  std::string cache{kCache};
  std::size_t batch_entries = 512;  ///< at most; fewer where values are large
  std::size_t many_max = 512;       ///< entries in one of Pannier's requests
};

class Loader {
 public:
  explicit Loader(const Server& server, LoaderOptions options = {});

  /// Opens the cache, in Pannier; nothing elsewhere.
  void open();
  /// Writes them, with a deadline in wall time if there is one. How many were stored. `what` is shown as
  /// progress.
  std::uint64_t put(const Entries& entries, std::optional<std::int64_t> deadline_ms = std::nullopt,
                    const std::string& what = "");
  /// How many of these entries are there.
  std::uint64_t hits(const std::vector<std::uint64_t>& numbers, std::size_t value_bytes);
  /// One request, whole, and its reply.
  void ask(std::string_view request);
  /// What the server refused first, if anything.
  const std::string& refusal() const { return tally_.refusal; }

 private:
  using Append = std::function<std::uint64_t(std::string& out, std::uint64_t from, std::uint64_t count)>;

  /// `append` writes the requests for a part of `count` entries and says how many replies they get. How many
  /// were good.
  std::uint64_t pipeline(std::uint64_t count, std::size_t value_bytes, const std::string& what,
                         const Append& append);
  /// Until that many replies have come.
  void wait_for(std::uint64_t replies);

  Peer peer_;
  LoaderOptions options_;
  std::unique_ptr<Dialect> dialect_;
  Socket socket_;
  Tally tally_;
  std::uint64_t sent_ = 0;  ///< requests that get a reply, and have one once tally_.replies is as large
  std::string input_;
};

}  // namespace pannier::bench
