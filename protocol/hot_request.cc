#include "protocol/hot_request.h"

#include <array>
#include <cstring>

#include "protocol/item_head.h"
#include "protocol/limits.h"
#include "protocol/writer.h"

namespace pannier::protocol {
namespace {

constexpr char kRequestStart[] = {'\x94', '\x00'};             // [0,
constexpr char kGetStart[] = {'\xa3', 'g', 'e', 't', '\x92'};  // "get", [ of 2
constexpr char kPutStart[] = {'\xa3', 'p', 'u', 't', '\x93'};  // "put", [ of 3
constexpr char kResponseStart[] = {'\x94', '\x01'};            // [1,
constexpr std::size_t kIdBytesMax = 9;

/// Takes parts off the front of some bytes. Once one was not there it is broken, and all that follow are
/// empty.
class Front {
 public:
  explicit Front(Bytes bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool is_broken() const { return at_ == nullptr; }
  const char* at() const { return at_; }

  template <std::size_t size>
  bool starts_with(const char (&wanted)[size]) const {
    return left() >= size && std::memcmp(at_, wanted, size) == 0;
  }
  Bytes take(std::size_t size) {
    if (left() < size) {
      at_ = end_ = nullptr;
      return {};
    }
    const Bytes taken(at_, size);
    at_ += size;
    return taken;
  }
  /// One unsigned integer, encoded.
  Bytes take_id() {
    const unsigned first = peek();
    if (first < 0x80) return take(1);
    return take(first >= 0xcc && first <= 0xcf ? 1 + (std::size_t{1} << (first - 0xcc)) : kNotThere);
  }
  /// The bytes of a str of at most 255 bytes.
  Bytes take_name() {
    const unsigned first = peek();
    if ((first < 0xa0 || first >= 0xc0) && first != 0xd9) return take(kNotThere);
    return take_string();
  }
  /// The bytes of a str or bin.
  Bytes take_string() {
    const unsigned first = peek();
    if (first >= 0xa0 && first < 0xc0) {
      take(1);
      return take(first - 0xa0);
    }
    unsigned length_bytes = 0;
    if (first >= 0xc4 && first <= 0xc6) length_bytes = 1U << (first - 0xc4);
    if (first >= 0xd9 && first <= 0xdb) length_bytes = 1U << (first - 0xd9);
    if (length_bytes == 0) return take(kNotThere);
    take(1);
    return take(big_endian(take(length_bytes)));
  }
  /// Of an object that has no others in it, which stays.
  std::optional<ItemHead> scalar_head() const {
    if (left() == 0) return std::nullopt;
    const ItemForm form = form_of(*at_);
    if (!form.is_used || left() <= form.length_bytes) return std::nullopt;
    if (form.type == Type::kArray || form.type == Type::kMap) return std::nullopt;
    return head_of(form, {at_, left()});
  }
  /// The whole of such an object, encoded.
  Bytes take_scalar() {
    const auto head = scalar_head();
    return take(head ? head->head_bytes + head->body_bytes : kNotThere);
  }

 private:
  static constexpr std::size_t kNotThere = ~std::size_t{0};

  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  /// 0xc1, which begins nothing, at the end.
  unsigned peek() const { return left() > 0 ? static_cast<unsigned char>(*at_) : 0xc1; }

  const char* at_;
  const char* end_;
};

/// All of a request but the value of a put and the size; false if it is another message.
[[gnu::always_inline]] inline bool read_up_to_value(Front& front, HotRequest& request) {
  if (!front.starts_with(kRequestStart)) return false;
  front.take(sizeof kRequestStart);
  request.id = front.take_id();
  if (front.starts_with(kGetStart)) {
    request.method = HotRequest::Method::kGet;
  } else if (front.starts_with(kPutStart)) {
    request.method = HotRequest::Method::kPut;
  } else {
    return false;
  }
  front.take(sizeof kGetStart);
  request.cache = front.take_name();
  request.key = front.take_string();
  return !request.cache.empty() && !request.key.empty() && request.key.size() <= kKeyBytesMax;
}

/// `head` and the id, and `tail` behind it, in one append.
template <std::size_t tail_bytes>
void append_start(std::string& out, Bytes id, const char (&tail)[tail_bytes]) {
  std::array<char, sizeof kResponseStart + kIdBytesMax + tail_bytes> start;
  std::memcpy(start.data(), kResponseStart, sizeof kResponseStart);
  char* at = start.data() + sizeof kResponseStart;
  for (const char byte : id) *at++ = byte;
  std::memcpy(at, tail, tail_bytes);
  out.append(start.data(), sizeof kResponseStart + id.size() + tail_bytes);
}

}  // namespace

std::optional<HotRequest> read_hot_request(Bytes bytes) {
  Front front(bytes);
  HotRequest request;
  if (!read_up_to_value(front, request)) return std::nullopt;
  if (request.method == HotRequest::Method::kPut) request.value = front.take_scalar();
  if (front.is_broken()) return std::nullopt;
  request.size = static_cast<std::size_t>(front.at() - bytes.data());
  return request;
}

std::optional<HotPutStart> read_hot_put_start(Bytes start) {
  Front front(start);
  HotPutStart put;
  if (!read_up_to_value(front, put.request) || put.request.method != HotRequest::Method::kPut)
    return std::nullopt;
  const auto head = front.scalar_head();
  if (!head) return std::nullopt;
  const auto before = static_cast<std::size_t>(front.at() - start.data());
  put.value_bytes = head->head_bytes + head->body_bytes;
  put.request.value = start.substr(before, put.value_bytes);
  put.request.size = before + put.value_bytes;
  return put;
}

void append_hit_start(std::string& out, Bytes id) { append_start(out, id, {'\xc0', '\x91'}); }

void append_miss(std::string& out, Bytes id) { append_start(out, id, {'\xc0', '\xc0'}); }

void append_version(std::string& out, Bytes id, std::uint64_t version) {
  append_start(out, id, {'\xc0'});
  Writer(out).unsigned_integer(version);
}

}  // namespace pannier::protocol
