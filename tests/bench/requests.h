// Requests, each whole: what Pannier's clients say and what Redis' say for the same; and where replies end.
// No I/O. memcached has no words for most of it, and is none of these peers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/scanner.h"
#include "tests/bench/peers.h"
#include "tests/bench/work.h"

namespace pannier::bench {

/// Appends; the caches of Pannier's are kCache.
void append_get(std::string& out, Peer peer, const Key& key);
void append_put(std::string& out, Peer peer, const Key& key, std::string_view value);

/// One request over all of the keys.
std::string get_many_request(Peer peer, std::span<const Key> keys);
std::string put_many_request(Peer peer, std::span<const Key> keys, std::string_view value);
std::string delete_many_request(Peer peer, std::span<const Key> keys);

/// A thousand keys, or about as many, of a walk over all: from where `cursor` says, from the start if that is
/// empty.
std::string page_request(Peer peer, std::string_view cursor);
/// From the reply to that; empty after the last page.
std::string next_cursor(Peer peer, std::string_view reply);

/// Finds the ends of replies in bytes that arrive piece by piece.
class ReplyScanner {
 public:
  explicit ReplyScanner(Peer peer) : peer_(peer) {}

  /// `in`: all that has arrived of the reply, each time from its first byte on. Its size once it is whole,
  /// then the next one may follow. Throws std::runtime_error at what is no reply of this peer.
  std::optional<std::size_t> scan(std::string_view in);

 private:
  std::optional<std::size_t> scan_text(std::string_view in);

  Peer peer_;
  protocol::FrameScanner frames_{protocol::FrameLimits{}};
  std::size_t position_ = 0;      ///< in Redis' text
  std::uint64_t items_left_ = 1;  ///< of it, that are to come
};

/// Throws std::runtime_error, with its text, if the reply is an error.
void check_reply(Peer peer, std::string_view reply);

}  // namespace pannier::bench
