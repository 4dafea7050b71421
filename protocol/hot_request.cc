#include "protocol/hot_request.h"

#include <algorithm>
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
constexpr char kPutWithOptionsStart[] = {'\xa3', 'p', 'u', 't', '\x94'};
constexpr char kTtlName[] = {'\xa6', 't', 't', 'l', '_', 'm', 's'};
constexpr char kSyncName[] = {'\xa4', 's', 'y', 'n', 'c'};
constexpr char kTrue[] = {'\xc3'};
constexpr char kFalse[] = {'\xc2'};
constexpr unsigned kEmptyMap = 0x80;
constexpr unsigned kOptionsMax = 2;
constexpr char kResponseStart[] = {'\x94', '\x01'};  // [1,
constexpr std::size_t kIdBytesMax = 9;
/// A longer array or map is for others, who go on where they were when more of it has come.
constexpr std::size_t kWalkedBytesMax = 4'096;
/// Arrays and maps in each other: with the message and its parameters, what any limit allows.
constexpr std::size_t kNestingMax = kDepthLimitMin - 2;

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
  /// The same, and whether it was there.
  template <std::size_t size>
  bool take_if(const char (&wanted)[size]) {
    if (!starts_with(wanted)) return false;
    take(size);
    return true;
  }
  /// One unsigned integer, encoded.
  Bytes take_unsigned() {
    const unsigned first = peek();
    if (first < 0x80) return take(1);
    return take(first >= 0xcc && first <= 0xcf ? 1 + (std::size_t{1} << (first - 0xcc)) : kNotThere);
  }
  /// How many pairs follow, of a map of at most kOptionsMax.
  unsigned take_options_head() {
    const unsigned pairs = peek() - kEmptyMap;
    take(pairs <= kOptionsMax ? 1 : kNotThere);
    return is_broken() ? 0 : pairs;
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
  /// The whole of an object, encoded.
  Bytes take_object() {
    const auto head = scalar_head();
    return take(head ? head->head_bytes + head->body_bytes : walk());
  }

 private:
  static constexpr std::size_t kNotThere = ~std::size_t{0};

  /// How many bytes an object has, with all that is in it.
  std::size_t walk() const {
    const Bytes bytes(at_, std::min(left(), kWalkedBytesMax));
    std::array<std::uint64_t, kNestingMax + 1> missing{1};  // of the object itself, and of each that is open
    std::size_t open = 0;
    std::size_t walked = 0;
    while (walked < bytes.size()) {
      const Bytes rest = bytes.substr(walked);
      const ItemForm form = form_of(rest.front());
      if (!form.is_used || rest.size() <= form.length_bytes) break;
      const ItemHead head = head_of(form, rest);
      const bool has_others = form.type == Type::kArray || form.type == Type::kMap;
      if ((has_others && open == kNestingMax) || head.body_bytes > rest.size() - head.head_bytes) break;
      walked += head.head_bytes + head.body_bytes;
      if (head.children > 0) {
        missing[++open] = head.children;
        continue;
      }
      while (--missing[open] == 0) {
        if (open == 0) return walked;
        --open;
      }
    }
    return kNotThere;
  }

  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  /// 0xc1, which begins nothing, at the end.
  unsigned peek() const { return left() > 0 ? static_cast<unsigned char>(*at_) : 0xc1; }

  const char* at_;
  const char* end_;
};

std::uint64_t unsigned_of(Bytes encoded) {
  if (encoded.empty()) return 0;
  return encoded.size() == 1 ? static_cast<unsigned char>(encoded.front()) : big_endian(encoded.substr(1));
}

/// What a request begins with, up to where its first parameter is.
enum class Start : std::uint8_t { kGet, kPut, kPutWithOptions, kOther };

[[gnu::always_inline]] inline Start read_start(Front& front, HotRequest& request) {
  if (!front.take_if(kRequestStart)) return Start::kOther;
  request.id = front.take_unsigned();
  request.has_ttl = false;
  request.is_synced = false;
  request.method = HotRequest::Method::kGet;
  if (front.take_if(kGetStart)) return Start::kGet;
  request.method = HotRequest::Method::kPut;
  if (front.take_if(kPutStart)) return Start::kPut;
  return front.take_if(kPutWithOptionsStart) ? Start::kPutWithOptions : Start::kOther;
}

[[gnu::always_inline]] inline bool read_place(Front& front, HotRequest& request) {
  request.cache = front.take_name();
  request.key = front.take_string();
  return !request.cache.empty() && !request.key.empty() && request.key.size() <= kKeyBytesMax;
}

/// False where there are others, one twice, or one that is not as it must be.
bool read_options(Front& front, HotRequest& request) {
  bool is_told = false;  // whether to sync
  for (unsigned left = front.take_options_head(); left > 0; --left) {
    if (!request.has_ttl && front.take_if(kTtlName)) {
      request.has_ttl = true;
      request.ttl_ms = unsigned_of(front.take_unsigned());
      if (request.ttl_ms > kDurationMsMax) return false;
    } else if (!is_told && front.take_if(kSyncName)) {
      is_told = true;
      request.is_synced = front.take_if(kTrue);
      if (!request.is_synced && !front.take_if(kFalse)) return false;
    } else {
      return false;
    }
  }
  return !front.is_broken();
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
  const Start start = read_start(front, request);
  if (start == Start::kOther) return std::nullopt;
  const char* const params_behind = front.at();
  if (!read_place(front, request)) return std::nullopt;
  if (start != Start::kGet) request.value = front.take_object();
  if (start == Start::kPutWithOptions && !read_options(front, request)) return std::nullopt;
  if (front.is_broken()) return std::nullopt;
  request.size = static_cast<std::size_t>(front.at() - bytes.data());
  request.params = {params_behind - 1, static_cast<std::size_t>(front.at() - params_behind) + 1};
  return request;
}

std::optional<HotPutStart> read_hot_put_start(Bytes start) {
  Front front(start);
  HotPutStart put;
  if (read_start(front, put.request) != Start::kPut) return std::nullopt;
  const char* const params_behind = front.at();
  if (!read_place(front, put.request)) return std::nullopt;
  const auto head = front.scalar_head();
  if (!head) return std::nullopt;
  const auto before = static_cast<std::size_t>(front.at() - start.data());
  put.value_bytes = head->head_bytes + head->body_bytes;
  put.request.params = {params_behind - 1, static_cast<std::size_t>(front.at() - params_behind) + 1};
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
