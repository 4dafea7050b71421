#include "daemon/replies.h"

namespace pannier::daemon {

Replies::Replies(Outbox& outbox, std::uint64_t reply_bytes_max, std::uint64_t unsent_bytes_max)
    : outbox_(outbox), reply_bytes_max_(reply_bytes_max), unsent_bytes_max_(unsent_bytes_max) {}

void Replies::error(const Address& to, const protocol::Error& error) {
  std::string* output = to.is_notification ? nullptr : outbox_.output(to.connection);
  if (output != nullptr) protocol::Writer(*output).response_error(to.id, error);
}

std::string* Replies::start(const Address& to) {
  if (to.is_notification) return nullptr;
  std::string* output = outbox_.output(to.connection);
  if (output == nullptr) return nullptr;
  const std::uint64_t unsent = outbox_.unsent_bytes(to.connection);
  if (unsent <= unsent_bytes_max_ + reply_bytes_max_) return output;
  error(to, {protocol::ErrorCode::kOverloaded,
             std::to_string(unsent) + " bytes of replies are unread on this connection"});
  return nullptr;
}

void Replies::refuse_large(const Address& to, std::string& output, std::size_t before,
                           std::size_t result_start) {
  const std::size_t bytes = output.size() - result_start;
  output.resize(before);
  error(to, {protocol::ErrorCode::kTooLarge,
             "the result of " + std::to_string(bytes) + " bytes is larger than max_reply, " +
                 std::to_string(reply_bytes_max_) + " bytes; ask for less at once"});
}

}  // namespace pannier::daemon
