#include "client/load/rpc_dialect.h"

#include <array>
#include <cstring>
#include <utility>

#include "protocol/cursor.h"
#include "protocol/message.h"
#include "protocol/writer.h"

namespace pannier::load {
namespace {

/// [1, id, : the id is an uint16 and starts behind its own first byte.
constexpr std::size_t kIdAt = 3;
constexpr std::size_t kHeadBytesMax = 16;

std::string response_head(std::uint16_t id) {
  std::string head;
  protocol::Writer(head).response_start(protocol::MessageId::from_integer(id));
  return head;
}

/// A head with an id put into it, without an allocation.
class Head {
 public:
  Head(const std::string& head, std::uint16_t id) : size_(head.size()) {
    std::memcpy(bytes_.data(), head.data(), size_);
    bytes_[kIdAt] = static_cast<char>(id >> 8);
    bytes_[kIdAt + 1] = static_cast<char>(id & 0xff);
  }
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, kHeadBytesMax> bytes_;
  std::size_t size_;
};

}  // namespace

RpcDialect::RpcDialect(const Entries& entries, std::string cache)
    : Dialect(entries), cache_(std::move(cache)), confirm_head_(response_head(kIdMin)) {
  protocol::Writer writer(item_head_);
  writer.array(1);
  writer.binary(std::string(entries.value_bytes(), '\0'));
  item_head_.resize(item_head_.size() - entries.value_bytes());
  one_head_ = confirm_head_ + item_head_;
}

void RpcDialect::append_request(std::string& out, const Asked& asked) const {
  const bool is_many = asked.kind == Kind::kGetMany;
  const bool has_value = is_put(asked.kind);
  const bool has_ttl = asked.kind == Kind::kPutTtl;
  protocol::Writer writer(out);
  writer.request_start(asked.id, has_value ? "put" : is_many ? "get_many" : "get");
  writer.array(2 + (has_value ? 1 : 0) + (has_ttl ? 1 : 0));
  writer.string(cache_);
  if (is_many) writer.array(static_cast<std::uint32_t>(asked.numbers.size()));
  for (const auto number : asked.numbers) writer.string(view_of(key_of(number)));
  if (!has_value) return;
  writer.raw(std::string_view(item_head_).substr(1));
  entries().append_value(out, asked.numbers.front());
  if (!has_ttl) return;
  writer.map(1);
  writer.string("ttl_ms");
  writer.unsigned_integer(kTtl / std::chrono::milliseconds(1));
}

std::size_t RpcDialect::reply_bytes(std::string_view in, const Asked& asked) const {
  const std::size_t value_bytes = entries().value_bytes();
  if (asked.kind == Kind::kGet) {
    const Head head(one_head_, asked.id);
    return bytes_of_one(in, head.view(), head.view().size() + value_bytes);
  }
  std::string head(Head(confirm_head_, asked.id).view());
  if (asked.kind == Kind::kGetMany) {
    protocol::Writer(head).array(static_cast<std::uint32_t>(asked.numbers.size()));
    return bytes_of_many(in, head, item_head_, item_head_.size() + value_bytes, asked.numbers.size());
  }
  if (bytes_of_one(in, head, 1) == 0 || in.size() == head.size()) return 0;
  protocol::Cursor version(in.substr(head.size()));
  if (version.peek() != protocol::Type::kInteger) throw wrong_reply(in);
  return version.read_unsigned() ? in.size() - version.rest().size() : 0;
}

void RpcDialect::append_reply(std::string& out, const Asked& asked) const {
  if (is_put(asked.kind)) return;
  out += response_head(asked.id);
  if (asked.kind == Kind::kGetMany)
    protocol::Writer(out).array(static_cast<std::uint32_t>(asked.numbers.size()));
  for (const auto number : asked.numbers) {
    out += item_head_;
    entries().append_value(out, number);
  }
}

}  // namespace pannier::load
