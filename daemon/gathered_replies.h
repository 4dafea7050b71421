// GatheredReplies: replies with values that are given to the kernel from where they lie in the arena, several
// in one call, instead of being copied into the connection's output first.
//
// Nothing of storage may be written between add() and send(): the values are not copied yet.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "daemon/dispatcher.h"
#include "protocol/bytes.h"
#include "storage/entry.h"

namespace pannier::daemon {

class GatheredReplies {
 public:
  explicit GatheredReplies(Outbox& outbox) : outbox_(outbox) {}

  bool is_empty() const { return replies_.empty(); }

  /// [value], in answer to the request with this id, which is encoded and stays where it is until send().
  void add(protocol::Bytes id, const storage::BytesView& value) { replies_.push_back({id, value}); }
  /// Behind what stands in the connection's output already.
  void send(ConnectionId to);

 private:
  struct Reply {
    protocol::Bytes id;
    storage::BytesView value;
  };

  Outbox& outbox_;
  std::vector<Reply> replies_;
  std::string heads_;
  std::vector<std::size_t> head_ends_;
  std::vector<protocol::Bytes> parts_;
};

}  // namespace pannier::daemon
