// Dialect: what one server's clients say: how writes and reads of entries are written, and where replies end.
// No I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tests/bench/peers.h"
#include "tests/bench/work.h"

namespace pannier::bench {

struct Tally {
  std::uint64_t replies = 0;
  std::uint64_t good = 0;  ///< entries stored, or found
  std::string refusal;     ///< the first error, as the server words it
};

class Dialect {
 public:
  virtual ~Dialect() = default;

  /// Appends requests that write the keys, each with a value of so many bytes and, if there is one, a
  /// deadline in wall time. How many replies there will be.
  virtual std::uint64_t put(std::string& out, std::span<const Key> keys, std::size_t value_bytes,
                            std::optional<std::int64_t> deadline_ms) = 0;
  /// Appends requests that read the keys. How many replies there will be.
  virtual std::uint64_t get(std::string& out, std::span<const Key> keys) = 0;
  /// Counts the whole replies at the start of `in`. How many bytes they have.
  virtual std::size_t take(std::string_view in, Tally& tally) = 0;
};

/// `cache` is Pannier's cache. `many_max`: keys that one of Pannier's requests may hold; the others have one
/// a request.
std::unique_ptr<Dialect> dialect_of(Peer peer, std::string cache, std::size_t many_max);

/// One of Pannier's requests whole: `params` is an array in MessagePack.
std::string pannier_request(std::string_view method, std::string_view params);

}  // namespace pannier::bench
