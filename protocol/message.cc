#include "protocol/message.h"

#include <cstdlib>

#include "protocol/writer.h"

namespace pannier::protocol {
namespace {

constexpr std::uint64_t kRequestKind = 0;
constexpr std::uint64_t kResponseKind = 1;
constexpr std::uint64_t kNotificationKind = 2;

/// Takes the msgid, which may be nil where `sender` is a server; nothing, and nothing taken, where it is
/// neither.
std::optional<MessageId> read_id(Cursor& cursor, Sender sender) {
  if (sender == Sender::kServer && cursor.read_nil()) return MessageId();
  if (cursor.peek() != Type::kInteger) return std::nullopt;
  const auto encoded = cursor.read_object();
  if (!encoded) return std::nullopt;
  return MessageId::from_encoded(*encoded);
}

NotAMessage not_a_message(Bytes frame, std::string text) {
  return {id_of_refused(frame), {ErrorCode::kBadRequest, std::move(text)}};
}

NotAMessage id_of_wrong_type(Bytes frame, Bytes id) {
  return not_a_message(frame, "the msgid is an integer, not " + described(id));
}

NotAMessage wrong_length(Bytes frame, std::string_view what, std::uint32_t count) {
  return not_a_message(frame, std::string(what) + ", not of " + std::to_string(count));
}

/// The method and params that follow, if both are of their types.
struct Call {
  Bytes method;
  Bytes params;
};
std::optional<Call> read_call(Cursor cursor) {
  const auto method = cursor.read_string();
  if (!method || cursor.peek() != Type::kArray) return std::nullopt;
  return Call{*method, cursor.rest()};
}

/// What keeps read_call from reading one.
Error wrong_call(Cursor cursor) {
  if (!cursor.read_string()) {
    return {ErrorCode::kBadRequest, "the method is a string, not " + described(cursor.rest())};
  }
  return {ErrorCode::kBadRequest, "the params are an array, not " + described(cursor.rest())};
}

Message read_request(Bytes frame, Cursor cursor, std::uint32_t count) {
  if (count != 4) return wrong_length(frame, "a request is an array of 4: 0, msgid, method, params", count);
  const auto id = read_id(cursor, Sender::kClient);
  if (!id) return id_of_wrong_type(frame, cursor.rest());
  const auto call = read_call(cursor);
  if (!call) return BadRequest{*id, wrong_call(cursor)};
  return Request{*id, call->method, call->params};
}

Message read_notification(Bytes frame, Cursor cursor, std::uint32_t count) {
  if (count != 3) return wrong_length(frame, "a notification is an array of 3: 2, method, params", count);
  const auto call = read_call(cursor);
  if (!call) return Ignored{};
  return Notification{call->method, call->params};
}

Message read_response(Bytes frame, Cursor cursor, std::uint32_t count, Sender sender) {
  if (count != 4) return wrong_length(frame, "a response is an array of 4: 1, msgid, error, result", count);
  const auto id = read_id(cursor, sender);
  if (!id) return id_of_wrong_type(frame, cursor.rest());
  const Bytes error = cursor.read_object().value_or(Bytes());
  const Bytes result = cursor.read_object().value_or(Bytes());
  return Response{*id, error, result};
}

}  // namespace

MessageId MessageId::from_encoded(Bytes encoded) {
  MessageId id;
  if (encoded.empty() || encoded.size() > id.bytes_.size()) std::abort();
  for (std::size_t i = 0; i < encoded.size(); ++i) id.bytes_[i] = encoded[i];
  id.size_ = static_cast<std::uint8_t>(encoded.size());
  return id;
}

MessageId MessageId::from_integer(std::uint64_t integer) {
  std::string encoded;
  Writer(encoded).unsigned_integer(integer);
  return from_encoded(encoded);
}

Message read_message(Bytes frame, Sender sender) {
  Cursor cursor(frame);
  const auto count = cursor.read_array();
  if (!count) return not_a_message(frame, "a message is an array, not " + described(frame));
  const Bytes kind_item = cursor.rest();
  const auto kind = cursor.read_unsigned();
  if (kind == kRequestKind) return read_request(frame, cursor, *count);
  if (kind == kResponseKind) return read_response(frame, cursor, *count, sender);
  if (kind == kNotificationKind) return read_notification(frame, cursor, *count);
  return not_a_message(frame, "the kind of a message is 0, 1 or 2, not " + described(kind_item));
}

MessageId id_of_refused(Bytes start) {
  Cursor cursor(start);
  const auto count = cursor.read_array();
  if (!count || *count < 2) return MessageId();
  const auto kind = cursor.read_object();
  if (!kind || Cursor(*kind).read_unsigned() == kNotificationKind) return MessageId();
  return read_id(cursor, Sender::kClient).value_or(MessageId());
}

}  // namespace pannier::protocol
