// RpcDialect: pannierd's own, MessagePack-RPC. Keys are str, values are bin; every reply has to carry the id
// of its request, in the order of the requests.
#pragma once

#include <string>

#include "client/load/dialect.h"

namespace pannier::load {

class RpcDialect final : public Dialect {
 public:
  RpcDialect(const Entries& entries, std::string cache);

  void append_request(std::string& out, const Asked& asked) const override;
  std::size_t reply_bytes(std::string_view in, const Asked& asked) const override;
  void append_reply(std::string& out, const Asked& asked) const override;

 private:
  std::string cache_;
  std::string item_head_;     ///< of a hit: the array around the value, and the value's own
  std::string one_head_;      ///< of a hit's reply; the id at kIdAt counts as anything
  std::string confirm_head_;  ///< of a put's reply, up to the version
};

}  // namespace pannier::load
