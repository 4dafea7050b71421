#include "daemon/arriving.h"

#include <optional>

#include "protocol/cursor.h"

namespace pannier::daemon {
namespace {

// The first item of a message, and how many there are.
constexpr std::uint64_t kRequest = 0;
constexpr std::uint64_t kNotification = 2;
constexpr std::uint32_t kRequestItems = 4;
constexpr std::uint32_t kNotificationItems = 3;

}  // namespace

bool brings_values(protocol::Bytes start) {
  protocol::Cursor cursor(start);
  const std::optional<std::uint32_t> items = cursor.read_array();
  const std::optional<std::uint64_t> kind = cursor.read_unsigned();
  if (items == kRequestItems && kind == kRequest) {
    if (cursor.peek() != protocol::Type::kInteger || !cursor.read_object()) return false;
  } else if (items != kNotificationItems || kind != kNotification) {
    return false;
  }
  const std::optional<protocol::Bytes> method = cursor.read_string();
  return method == "put" || method == "put_many";
}

void Arriving::note(ConnectionId from, protocol::Bytes start) {
  const std::uint64_t now = brings_values(start) ? start.size() : 0;
  const auto noted = bytes_of_.find(from);
  const std::uint64_t before = noted == bytes_of_.end() ? 0 : noted->second;
  bytes_ += now - before;
  if (now > 0) {
    bytes_of_[from] = now;
  } else if (noted != bytes_of_.end()) {
    bytes_of_.erase(noted);
  }
}

}  // namespace pannier::daemon
