#include "tests/bench/requests.h"

#include <charconv>
#include <initializer_list>
#include <stdexcept>
#include <utility>
#include <variant>

#include "protocol/cursor.h"
#include "protocol/message.h"
#include "protocol/writer.h"
#include "tests/bench/loader.h"

namespace pannier::bench {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

void append_word(std::string& out, std::string_view word) {
  out += '$';
  out += std::to_string(word.size());
  out += kLineEnd;
  out += word;
  out += kLineEnd;
}

/// Of so many words, of which these are the first.
void start_words(std::string& out, std::size_t count, std::initializer_list<std::string_view> words) {
  out += '*';
  out += std::to_string(count);
  out += kLineEnd;
  for (const auto word : words) append_word(out, word);
}

/// With so many params, of which the cache is the first.
void start_request(protocol::Writer& writer, std::string_view method, std::uint32_t params) {
  writer.request_start(1, method);
  writer.array(params);
  writer.string(kCache);
}

std::string keys_request(Peer peer, std::string_view method, std::string_view word,
                         std::span<const Key> keys) {
  std::string request;
  if (peer == Peer::kPannier) {
    protocol::Writer writer(request);
    start_request(writer, method, 2);
    writer.array(static_cast<std::uint32_t>(keys.size()));
    for (const auto& key : keys) writer.string(view_of(key));
  } else {
    start_words(request, keys.size() + 1, {word});
    for (const auto& key : keys) append_word(request, view_of(key));
  }
  return request;
}

protocol::Response response_of(std::string_view reply) {
  const auto message = protocol::read_message(reply, protocol::Sender::kServer);
  const auto* response = std::get_if<protocol::Response>(&message);
  if (response == nullptr) throw std::runtime_error("no response");
  return *response;
}

std::int64_t integer_of(std::string_view text) {
  std::int64_t integer = 0;
  std::from_chars(text.data(), text.data() + text.size(), integer);
  return integer;
}

}  // namespace

void append_get(std::string& out, Peer peer, const Key& key) {
  if (peer == Peer::kPannier) {
    protocol::Writer writer(out);
    start_request(writer, "get", 2);
    writer.string(view_of(key));
  } else {
    start_words(out, 2, {"GET", view_of(key)});
  }
}

void append_put(std::string& out, Peer peer, const Key& key, std::string_view value) {
  if (peer == Peer::kPannier) {
    protocol::Writer writer(out);
    start_request(writer, "put", 3);
    writer.string(view_of(key));
    writer.binary(value);
  } else {
    start_words(out, 3, {"SET", view_of(key), value});
  }
}

std::string get_many_request(Peer peer, std::span<const Key> keys) {
  return keys_request(peer, "get_many", "MGET", keys);
}

std::string delete_many_request(Peer peer, std::span<const Key> keys) {
  return keys_request(peer, "delete_many", "UNLINK", keys);
}

std::string put_many_request(Peer peer, std::span<const Key> keys, std::string_view value) {
  std::string request;
  if (peer == Peer::kPannier) {
    protocol::Writer writer(request);
    start_request(writer, "put_many", 2);
    writer.array(static_cast<std::uint32_t>(keys.size()));
    for (const auto& key : keys) {
      writer.array(2);
      writer.string(view_of(key));
      writer.binary(value);
    }
  } else {
    start_words(request, keys.size() * 2 + 1, {"MSET"});
    for (const auto& key : keys) {
      append_word(request, view_of(key));
      append_word(request, value);
    }
  }
  return request;
}

std::string page_request(Peer peer, std::string_view cursor) {
  std::string request;
  if (peer == Peer::kPannier) {
    protocol::Writer writer(request);
    start_request(writer, "keys", cursor.empty() ? 1 : 2);
    if (cursor.empty()) return request;
    writer.map(1);
    writer.string("cursor");
    writer.raw(cursor);
  } else {
    start_words(request, 4, {"SCAN", cursor.empty() ? "0" : cursor, "COUNT", "1000"});
  }
  return request;
}

std::string next_cursor(Peer peer, std::string_view reply) {
  if (peer == Peer::kPannier) {
    protocol::Cursor result(response_of(reply).result);
    result.read_array();
    return result.read_nil() ? "" : std::string(result.read_object().value_or(""));
  }
  // "*2", the cursor's length, the cursor.
  for (int line = 0; line < 2; ++line) reply.remove_prefix(reply.find(kLineEnd) + kLineEnd.size());
  const auto cursor = reply.substr(0, reply.find(kLineEnd));
  return cursor == "0" ? "" : std::string(cursor);
}

std::optional<std::size_t> ReplyScanner::scan(std::string_view in) {
  if (peer_ != Peer::kPannier) return scan_text(in);
  const auto outcome = frames_.scan(in);
  if (std::holds_alternative<protocol::Error>(outcome)) throw std::runtime_error("no MessagePack");
  if (const auto* end = std::get_if<protocol::FrameEnd>(&outcome)) return end->size;
  return std::nullopt;
}

std::optional<std::size_t> ReplyScanner::scan_text(std::string_view in) {
  while (items_left_ > 0) {
    const auto end = in.find(kLineEnd, position_);
    if (end == std::string_view::npos) return std::nullopt;
    const auto line = in.substr(position_, end - position_);
    const auto announced = integer_of(line.substr(1));
    std::size_t next = end + kLineEnd.size();
    if (line.front() == '$' && announced >= 0) next += static_cast<std::size_t>(announced) + kLineEnd.size();
    if (next > in.size()) return std::nullopt;
    if (line.front() == '*') items_left_ += static_cast<std::uint64_t>(announced);
    position_ = next;
    --items_left_;
  }
  items_left_ = 1;
  return std::exchange(position_, 0);
}

void check_reply(Peer peer, std::string_view reply) {
  if (peer == Peer::kPannier) {
    protocol::Cursor error(response_of(reply).error);
    if (!error.read_nil()) throw std::runtime_error(std::string(error.read_string().value_or("an error")));
  } else if (reply.starts_with('-')) {
    throw std::runtime_error(std::string(reply.substr(1, reply.find(kLineEnd) - 1)));
  }
}

}  // namespace pannier::bench
