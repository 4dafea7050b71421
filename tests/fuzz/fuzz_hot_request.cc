// The hot path's reading and writing against the ordinary ones and against msgpack-c: whatever
// read_hot_request takes for a get or put is one, part for part; and a get or put that msgpack-c packs is
// taken for one.

#include <algorithm>
#include <cstring>
#include <string>

#include <msgpack.hpp>

#include "protocol/hot_request.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/scanner.h"
#include "tests/fuzz/check.h"
#include "tests/protocol/msgpack_reference.h"

namespace {

using namespace pannier::protocol;
using pannier::fuzz::check;

bool is_get(const HotRequest& hot) { return hot.method == HotRequest::Method::kGet; }
bool has_options(const HotRequest& hot) { return hot.params.front() == '\x94'; }
/// Whether a beginning that reaches into the value is enough to know a put by.
bool has_start(const HotRequest& hot) {
  if (is_get(hot) || has_options(hot)) return false;
  const auto type = Cursor(hot.value).peek();
  return type != Type::kArray && type != Type::kMap;
}
std::uint32_t params_of(const HotRequest& hot) { return is_get(hot) ? 2 : has_options(hot) ? 4 : 3; }

void check_options(Cursor& params, const HotRequest& hot) {
  std::uint32_t ttls = 0;
  bool is_synced = false;
  const auto pairs = params.read_map();
  check(pairs.has_value(), "the options are a map");
  for (std::uint32_t i = 0; i < *pairs; ++i) {
    if (const auto name = params.read_string(); name == "sync") {
      const auto flag = params.read_bool();
      check(flag.has_value(), "sync is a boolean");
      is_synced = *flag;
    } else {
      check(name == "ttl_ms", "there are no other options");
      check(params.read_unsigned() == hot.ttl_ms && hot.ttl_ms <= kDurationMsMax,
            "the ttl is within its range");
      ++ttls;
    }
  }
  check(ttls == (hot.has_ttl ? 1U : 0U), "there is a ttl, once, where it is told");
  check(is_synced == hot.is_synced, "it is told whether it is synced");
}

/// What FrameScanner, read_message and Cursor find in the same bytes.
void check_ordinary(Bytes input, const HotRequest& hot) {
  const auto outcome = FrameScanner(FrameLimits()).scan(input);
  const auto* const end = std::get_if<FrameEnd>(&outcome);
  check(end != nullptr && end->size == hot.size, "it is one whole frame");
  const auto message = read_message(input.substr(0, hot.size));
  const auto* const request = std::get_if<Request>(&message);
  check(request != nullptr, "it is a request");
  check(request->id.encoded() == hot.id, "the id is as it was encoded");
  check(request->method == (is_get(hot) ? "get" : "put"), "the method is told right");
  check(request->params == hot.params, "the parameters are the message's");
  Cursor params(request->params);
  check(params.read_array() == params_of(hot), "there are no other parameters");
  check(params.read_string() == hot.cache, "the cache's name is the first");
  check(params.read_string() == hot.key, "the key is the second");
  if (!is_get(hot)) check(params.read_object() == hot.value, "the value is the third, as it was encoded");
  has_options(hot) ? check_options(params, hot)
                   : check(!hot.has_ttl && !hot.is_synced, "there are no options");
  check(params.at_end(), "nothing follows");
  check(!hot.key.empty() && hot.key.size() <= kKeyBytesMax, "a key is within its limit");
}

void check_reference(Bytes input, const HotRequest& hot) {
  const auto reference = reference_parse(input);
  check(reference.result == ReferenceParse::Result::kWhole && reference.size == hot.size,
        "msgpack-c finds the same end");
  const auto handle = msgpack::unpack(input.data(), hot.size);
  const auto& items = handle.get().via.array;
  check(items.size == 4 && items.ptr[0].as<int>() == 0, "msgpack-c finds a request");
  check(items.ptr[2].as<std::string>() == (is_get(hot) ? "get" : "put"), "msgpack-c finds the same method");
  const auto& params = items.ptr[3].via.array;
  check(params.size == params_of(hot), "msgpack-c finds as many parameters");
  check(params.ptr[0].as<std::string>() == hot.cache, "msgpack-c finds the same cache");
  check(params.ptr[1].as<std::string>() == hot.key, "msgpack-c finds the same key");
  Cursor id(hot.id);
  check(reads_as(id, items.ptr[1]), "msgpack-c finds the same id");
  if (is_get(hot)) return;
  Cursor value(hot.value);
  check(reads_as(value, params.ptr[2]) && value.at_end(), "msgpack-c finds the same value");
}

/// The responses to it, beside msgpack-c's.
void check_answers(const HotRequest& hot) {
  Cursor id(hot.id);
  const auto number = id.read_unsigned();
  check(number.has_value(), "an id is an unsigned integer");
  const auto start = [&](msgpack::packer<msgpack::sbuffer>& packer, msgpack::sbuffer& packed) {
    packer.pack_array(4).pack(1);
    packed.write(hot.id.data(), hot.id.size());
    packer.pack_nil();
  };
  const auto same = [](const std::string& ours, const msgpack::sbuffer& theirs) {
    return Bytes(ours) == Bytes(theirs.data(), theirs.size());
  };
  msgpack::sbuffer hit, miss, version;
  msgpack::packer<msgpack::sbuffer> hit_packer(hit), miss_packer(miss), version_packer(version);
  std::string ours_hit, ours_miss, ours_version;
  start(hit_packer, hit);
  hit_packer.pack_array(1);
  append_hit_start(ours_hit, hot.id);
  start(miss_packer, miss);
  miss_packer.pack_nil();
  append_miss(ours_miss, hot.id);
  start(version_packer, version);
  version_packer.pack_uint64(*number);
  append_version(ours_version, hot.id, *number);
  check(same(ours_hit, hit) && same(ours_miss, miss) && same(ours_version, version),
        "both write the same responses");
}

/// The same get or put out of msgpack-c's packer, whose strings may be encoded otherwise.
void check_packed(const HotRequest& hot) {
  Cursor id(hot.id);
  msgpack::sbuffer packed;
  msgpack::packer<msgpack::sbuffer> packer(packed);
  packer.pack_array(4).pack(0).pack(id.read_unsigned().value_or(0));
  packer.pack(std::string(is_get(hot) ? "get" : "put")).pack_array(params_of(hot));
  packer.pack_str(static_cast<std::uint32_t>(hot.cache.size()));
  packer.pack_str_body(hot.cache.data(), static_cast<std::uint32_t>(hot.cache.size()));
  packer.pack_bin(static_cast<std::uint32_t>(hot.key.size()));
  packer.pack_bin_body(hot.key.data(), static_cast<std::uint32_t>(hot.key.size()));
  packed.write(hot.value.data(), hot.value.size());
  if (has_options(hot)) {
    packer.pack_map(1U + (hot.has_ttl ? 1U : 0U)).pack(std::string("sync")).pack(hot.is_synced);
    if (hot.has_ttl) packer.pack(std::string("ttl_ms")).pack_uint64(hot.ttl_ms);
  }
  const Bytes bytes(packed.data(), packed.size());
  const auto again = read_hot_request(bytes);
  check(again && again->size == bytes.size(), "what msgpack-c packs is known");
  check(again->cache == hot.cache && again->key == hot.key && again->value == hot.value &&
            again->is_synced == hot.is_synced && again->has_ttl == hot.has_ttl &&
            (!hot.has_ttl || again->ttl_ms == hot.ttl_ms),
        "and is taken apart the same");
  for (std::size_t cut = 0; cut < std::min<std::size_t>(bytes.size(), 64); ++cut) {
    check(!read_hot_request(bytes.substr(0, cut)), "what is not whole is not taken");
  }
}

/// From any beginning of a put that reaches into its value, or from none.
void check_starts(Bytes input, const HotRequest& hot) {
  const std::size_t value_at = static_cast<std::size_t>(hot.value.data() - input.data());
  for (std::size_t cut = 0; cut <= std::min<std::size_t>(hot.size, 64); ++cut) {
    const auto start = read_hot_put_start(input.substr(0, cut));
    if (!has_start(hot) || cut <= value_at) check(!start, "no put that is known by its start begins so");
    if (!start) continue;
    const HotRequest& begun = start->request;
    check(begun.size == hot.size && start->value_bytes == hot.value.size(), "it will be as large");
    check(begun.id == hot.id && begun.cache == hot.cache && begun.key == hot.key, "it is the same put");
    check(hot.value.substr(0, cut - value_at) == begun.value, "what there is of the value is the value's");
  }
  check(!has_start(hot) || read_hot_put_start(input.substr(0, hot.size)), "a whole put begins as one");
}

/// Any get that msgpack-c packs is taken: of a cache and a key that the input is cut into.
void check_any_get(Bytes input) {
  if (input.size() < 3) return;
  const std::size_t name_bytes = 1 + static_cast<unsigned char>(input.front()) % 255;
  const Bytes name = input.substr(1, std::min(name_bytes, input.size() - 2));
  const Bytes key = input.substr(1 + name.size(), kKeyBytesMax);
  msgpack::sbuffer packed;
  msgpack::packer<msgpack::sbuffer> packer(packed);
  packer.pack_array(4).pack(0).pack(input.size()).pack(std::string("get")).pack_array(2);
  packer.pack(std::string(name)).pack(std::string(key));
  const auto hot = read_hot_request(Bytes(packed.data(), packed.size()));
  check(hot && is_get(*hot) && hot->size == packed.size(), "a get that msgpack-c packs is known");
  check(hot->cache == name && hot->key == key, "and its cache and key are");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input = pannier::fuzz::bytes_of(data, size);
  check_any_get(input);
  const auto hot = read_hot_request(input);
  if (!hot) return 0;
  check_ordinary(input, *hot);
  check_reference(input, *hot);
  check_answers(*hot);
  check_packed(*hot);
  check_starts(input, *hot);
  return 0;
}
