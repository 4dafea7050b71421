#include "daemon/monitors.h"

#include <string_view>
#include <utility>

#include "daemon/connection_table.h"
#include "daemon/methods.h"
#include "daemon/visitor.h"
#include "protocol/writer.h"

namespace pannier::daemon {

using protocol::Writer;

namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::size_t kKeyBytesMax = 256;  ///< of a line; longer ones are cut

void write_text_or_nil(Writer& writer, std::string_view name, std::string_view text) {
  writer.string(name);
  text.empty() ? writer.nil() : writer.key(text.substr(0, kKeyBytesMax));
}

void write_number(Writer& writer, std::string_view name, std::uint64_t count) {
  writer.string(name);
  writer.unsigned_integer(count);
}

/// Nil for `none`.
template <typename Number>
void write_number_or_nil(Writer& writer, std::string_view name, Number number, Number none) {
  writer.string(name);
  number == none ? writer.nil() : writer.unsigned_integer(static_cast<std::uint64_t>(number));
}

/// "hit" or "miss" of what asks for a value, the code of an error, else "done".
std::string_view outcome_of(std::string_view method, const SeenAnswer& answer) {
  if (answer.error) return protocol::code_name(*answer.error);
  if (method != "get") return "done";
  return answer.is_nil ? "miss" : "hit";
}

}  // namespace

bool Monitors::start(ConnectionId connection, Wanted wanted) {
  if (!monitors_.contains(connection) && monitors_.size() >= kMax) return false;
  monitors_[connection] = Monitor{std::move(wanted)};
  return true;
}

std::vector<ConnectionId> Monitors::without_right(const std::function<bool(ConnectionId)>& may) const {
  std::vector<ConnectionId> found;
  for (const auto& [connection, monitor] : monitors_) {
    if (!may(connection)) found.push_back(connection);
  }
  return found;
}

void Monitors::tell(const SeenRequest& seen, std::uint64_t now_ns) {
  const Subject subject = subject_of(seen.params);
  for (auto& [to, monitor] : monitors_) {
    const Wanted& wanted = monitor.wanted;
    const bool is_wanted = to != seen.request.connection &&
                           (wanted.row == 0 || wanted.row == seen.request.received.row) &&
                           (wanted.cache.empty() || wanted.cache == subject.cache);
    if (!is_wanted || ++monitor.matched % wanted.one_in != 0) continue;
    if (!may_tell(to, monitor, now_ns)) {
      ++monitor.left_out;
      continue;
    }
    write(*outbox_.output(to), seen, subject, std::exchange(monitor.left_out, 0));
  }
}

bool Monitors::may_tell(ConnectionId to, Monitor& monitor, std::uint64_t now_ns) const {
  if (now_ns - monitor.second_began_ns >= kSecondNs) {
    monitor.second_began_ns = now_ns;
    monitor.lines_in_second = 0;
  }
  if (outbox_.output(to) == nullptr || outbox_.unsent_bytes(to) > kUnsentBytesMax) return false;
  return ++monitor.lines_in_second <= kLinesPerSecond;
}

void Monitors::write(std::string& output, const SeenRequest& seen, const Subject& subject,
                     std::uint64_t left_out) const {
  const std::string_view method = name_of_row(seen.request.received.row);
  const ConnectionId from = seen.request.connection;
  const Visitor* const visitor = outbox_.visitor(from);
  Writer writer(output);
  writer.notification_start("request");
  writer.array(2);
  writer.map(10);
  writer.string("method");
  writer.string(method);
  write_text_or_nil(writer, "cache", subject.cache);
  write_text_or_nil(writer, "key", subject.key);
  writer.string("keys");
  subject.keys ? writer.unsigned_integer(*subject.keys) : writer.nil();
  write_number(writer, "reply_bytes", seen.answer.bytes);
  write_number(writer, "took_ns", seen.ns);
  writer.string("outcome");
  writer.string(outcome_of(method, seen.answer));
  write_number(writer, "connection", ConnectionTable::number_of(from));
  write_number_or_nil(writer, "pid", outbox_.pid(from), 0);
  write_number_or_nil(writer, "uid", visitor == nullptr ? Peer::kNobody : visitor->peer.uid, Peer::kNobody);
  writer.unsigned_integer(left_out);
}

}  // namespace pannier::daemon
