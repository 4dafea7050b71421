#include "daemon/replies.h"

namespace pannier::daemon {

Replies::Replies(Outbox& outbox, const ClientLimits& limits, Sight& sight)
    : outbox_(outbox), limits_(limits), sight_(sight) {}

void Replies::large_value(const Address& to, const storage::BytesView& value) {
  const std::uint64_t bytes = 1 + value.size();
  if (bytes > limits_.reply_bytes_max || (bytes > kSmallBytes && bytes > room_bytes())) {
    // To be refused.
    return result(to, [&](protocol::Writer& writer) {
      writer.array(1);
      value.for_each_part([&](std::string_view part) { writer.raw(part); });
    });
  }
  if (start(to) == nullptr) return;
  protocol::Writer writer(head_);
  writer.response_start(to.id);
  writer.array(1);
  parts_.push_back(head_);
  value.for_each_part([&](std::string_view part) { parts_.push_back(part); });
  outbox_.send_through(to.connection, parts_);
  parts_.clear();
  head_.clear();
  sight_.answered(to, {bytes, false, {}});
}

void Replies::whole(const Address& to, std::string&& response) {
  std::string* const output = start(to);
  if (output == nullptr) return;
  if (response.size() > kSmallBytes && response.size() > room_bytes()) {
    return refuse_full(to, *output, output->size());
  }
  const std::uint64_t bytes = response.size();
  output->empty() ? output->swap(response) : void(output->append(response));
  sight_.answered(to, {bytes, false, {}});
}

void Replies::error(const Address& to, const protocol::Error& error) {
  std::string* output = to.is_notification ? nullptr : outbox_.output(to.connection);
  if (output == nullptr) return;
  protocol::Writer(*output).response_error(to.id, error);
  sight_.failed(to, error.code);
}

std::string* Replies::start(const Address& to) {
  if (to.is_notification) return nullptr;
  std::string* output = outbox_.output(to.connection);
  if (output == nullptr) return nullptr;
  const std::uint64_t unsent = outbox_.unsent_bytes(to.connection);
  if (unsent <= limits_.unsent_bytes_max + limits_.reply_bytes_max) return output;
  error(to, {protocol::ErrorCode::kOverloaded,
             std::to_string(unsent) + " bytes of replies are unread on this connection"});
  return nullptr;
}

std::uint64_t Replies::room_bytes() const {
  const std::uint64_t taken = outbox_.buffer_bytes();
  return taken < limits_.buffer_bytes_max ? limits_.buffer_bytes_max - taken : 0;
}

void Replies::refuse_large(const Address& to, std::string& output, std::size_t before, std::size_t bytes) {
  output.resize(before);
  output.shrink_to_fit();
  error(to, {protocol::ErrorCode::kTooLarge,
             "the result of " + std::to_string(bytes) + " bytes is larger than max_reply, " +
                 std::to_string(limits_.reply_bytes_max) + " bytes; ask for less at once"});
}

void Replies::refuse_full(const Address& to, std::string& output, std::size_t before) {
  output.resize(before);
  output.shrink_to_fit();
  error(to, {protocol::ErrorCode::kOverloaded,
             std::to_string(outbox_.buffer_bytes()) +
                 " bytes are in the buffers of all connections, the limit (max_buffers) is " +
                 std::to_string(limits_.buffer_bytes_max) + "; try again later"});
}

}  // namespace pannier::daemon
