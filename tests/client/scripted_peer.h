// ScriptedPeer: stands where the daemon would and does what no daemon does: answers wrongly, late, in pieces,
// or not at all. One script for each connection, in the order in which they are accepted, each in a thread of
// its own.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/client/temporary_directory.h"

namespace pannier::test {

/// A request as the peer received it; the msgid encoded as it came.
struct PeerRequest {
  std::string id;
  std::string method;
  std::string params;
};

/// The peer's end of one connection. Any failure ends the script's reading and writing quietly: the client
/// under test may close at any time.
class PeerConnection {
 public:
  explicit PeerConnection(int fd) : fd_(fd) {}
  PeerConnection(const PeerConnection&) = delete;
  PeerConnection& operator=(const PeerConnection&) = delete;
  ~PeerConnection();

  /// The next request, leaving out notifications; nothing when the client has closed.
  std::optional<PeerRequest> next_request();
  /// Whether the client closes, instead of sending anything more.
  bool sees_end() { return !next_request(); }

  void send(std::string_view bytes);
  /// `result` is one MessagePack object.
  void reply(const PeerRequest& request, std::string_view result);
  void reply_error(const PeerRequest& request, std::string_view error);
  /// Answers requests with `result` until the client closes.
  void reply_to_all(std::string_view result);

 private:
  int fd_;
  std::string received_;
};

/// A reply as bytes. `id`: an encoded msgid.
std::string reply_bytes(std::string_view id, std::string_view result);
std::string error_bytes(std::string_view id, std::string_view error);

class ScriptedPeer {
 public:
  using Script = std::function<void(PeerConnection&)>;

  explicit ScriptedPeer(std::vector<Script> scripts);
  /// Waits for the scripts that have begun.
  ~ScriptedPeer();

  std::string path() const { return directory_.path() + "/socket"; }
  std::size_t accepted() const;
  /// Waits until the script of connection `index` is done and its connection closed.
  void wait_until_done(std::size_t index);

 private:
  void accept_all();

  TemporaryDirectory directory_;
  int listener_;
  int stop_;
  std::vector<Script> scripts_;
  mutable std::mutex mutex_;
  std::vector<std::thread> running_;
  std::thread acceptor_;
};

}  // namespace pannier::test
