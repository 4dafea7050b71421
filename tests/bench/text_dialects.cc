#include "tests/bench/text_dialects.h"

namespace pannier::bench {
namespace {

using load::Asked;
using load::Kind;

constexpr std::string_view kEnd = "\r\n";

void append_bulk(std::string& out, std::string_view bytes) {
  out += '$';
  out += std::to_string(bytes.size());
  out += kEnd;
  out += bytes;
  out += kEnd;
}

void append_count(std::string& out, std::size_t count) {
  out += '*';
  out += std::to_string(count);
  out += kEnd;
}

std::size_t item_bytes(const std::string& head, std::size_t value_bytes) {
  return head.size() + value_bytes + kEnd.size();
}

/// The values of all keys, each between its head and an end of line.
void append_items(std::string& out, const std::string& head, const load::Entries& entries,
                  const Asked& asked) {
  for (const auto number : asked.numbers) {
    out += head;
    entries.append_value(out, number);
    out += kEnd;
  }
}

}  // namespace

RespDialect::RespDialect(const load::Entries& entries)
    : Dialect(entries), head_('$' + std::to_string(entries.value_bytes()) + "\r\n") {}

void RespDialect::append_request(std::string& out, const Asked& asked) const {
  const bool has_value = is_put(asked.kind);
  const bool has_ttl = asked.kind == Kind::kPutTtl;
  append_count(out, 1 + asked.numbers.size() + (has_value ? 1 : 0) + (has_ttl ? 2 : 0));
  append_bulk(out, has_value ? "SET" : asked.kind == Kind::kGetMany ? "MGET" : "GET");
  for (const auto number : asked.numbers) append_bulk(out, load::view_of(load::key_of(number)));
  if (has_value) append_items(out, head_, entries(), asked);
  if (!has_ttl) return;
  append_bulk(out, "PX");
  append_bulk(out, std::to_string(load::kTtl / std::chrono::milliseconds(1)));
}

std::size_t RespDialect::reply_bytes(std::string_view in, const Asked& asked) const {
  const std::size_t bytes = item_bytes(head_, entries().value_bytes());
  if (asked.kind == Kind::kGet) return bytes_of_one(in, head_, bytes);
  if (is_put(asked.kind)) return bytes_of_one(in, "+OK\r\n", 5);
  std::string count;
  append_count(count, asked.numbers.size());
  return bytes_of_many(in, count, head_, bytes, asked.numbers.size());
}

void RespDialect::append_reply(std::string& out, const Asked& asked) const {
  if (is_put(asked.kind)) {
    out += "+OK\r\n";
    return;
  }
  if (asked.kind == Kind::kGetMany) append_count(out, asked.numbers.size());
  append_items(out, head_, entries(), asked);
}

MetaDialect::MetaDialect(const load::Entries& entries)
    : Dialect(entries), head_("VA " + std::to_string(entries.value_bytes()) + "\r\n") {}

void MetaDialect::append_request(std::string& out, const Asked& asked) const {
  const bool has_value = is_put(asked.kind);
  for (const auto number : asked.numbers) {
    out += has_value ? "ms " : "mg ";
    out += load::view_of(load::key_of(number));
    out += has_value ? ' ' + std::to_string(entries().value_bytes()) : " v";
    if (asked.kind == Kind::kPutTtl) out += " T" + std::to_string(load::kTtl.count());
    out += kEnd;
    if (has_value) append_items(out, "", entries(), asked);
  }
}

std::size_t MetaDialect::reply_bytes(std::string_view in, const Asked& asked) const {
  const std::size_t bytes = item_bytes(head_, entries().value_bytes());
  if (asked.kind == Kind::kGet) return bytes_of_one(in, head_, bytes);
  if (is_put(asked.kind)) return bytes_of_one(in, "HD\r\n", 4);
  return bytes_of_many(in, "", head_, bytes, asked.numbers.size());
}

void MetaDialect::append_reply(std::string& out, const Asked& asked) const {
  if (is_put(asked.kind))
    out += "HD\r\n";
  else
    append_items(out, head_, entries(), asked);
}

}  // namespace pannier::bench
