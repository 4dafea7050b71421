#include "daemon/gathered_replies.h"

#include "protocol/hot_request.h"

namespace pannier::daemon {

void GatheredReplies::send(ConnectionId to) {
  if (is_empty()) return;
  heads_.clear();
  // Appending moves the bytes: where each head begins is known when all of them are there.
  head_ends_.clear();
  for (const Reply& reply : replies_) {
    protocol::append_hit_start(heads_, reply.id);
    head_ends_.push_back(heads_.size());
  }
  parts_.clear();
  std::size_t begin = 0;
  for (std::size_t i = 0; i < replies_.size(); ++i) {
    parts_.push_back(protocol::Bytes(heads_).substr(begin, head_ends_[i] - begin));
    replies_[i].value.for_each_part([this](std::string_view part) { parts_.push_back(part); });
    begin = head_ends_[i];
  }
  replies_.clear();
  outbox_.send_through(to, parts_);
}

}  // namespace pannier::daemon
