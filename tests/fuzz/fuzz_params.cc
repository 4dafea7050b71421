// The parameters of a request, well formed or not: however a method reads them, the outcome is what it asked
// for within its limits, or one error that is short and valid UTF-8.
#include "daemon/params.h"

#include "protocol/scanner.h"
#include "tests/fuzz/check.h"

namespace {

using namespace pannier;
using daemon::ClientLimits;
using daemon::Params;
using fuzz::check;

constexpr std::size_t kErrorTextBytesMax = 600;

void check_fault(Params& params) {
  const auto fault = params.fault();
  if (!fault) return;
  const std::string text = fault->wire_text();
  check(protocol::is_utf8(text) && text.size() <= kErrorTextBytesMax, "an error is short and valid UTF-8");
}

void read_options(Params& params) {
  params.options({"ttl_ms", "keep_ttl", "prefix", "limit", "initial", "if"});
  const auto limit = params.number("limit", 1, protocol::kKeysLimitMax);
  check(!limit || (*limit >= 1 && *limit <= protocol::kKeysLimitMax), "a number is within its range");
  check(params.ttl().ms <= protocol::kDurationMsMax, "a duration is within its range");
  params.flag("keep_ttl");
  params.text("prefix");
  params.signed_number("initial");
}

void read_as_put(protocol::Bytes bytes, const ClientLimits& limits) {
  Params params("put", bytes, limits);
  check(params.cache_name().size() <= protocol::kCacheNameBytesMax, "a name is within its limit");
  check(params.key().size() <= protocol::kKeyBytesMax, "a key is within its limit");
  check(params.value().size() <= bytes.size(), "a value is a part of the request");
  read_options(params);
  check_fault(params);
}

void read_as_many(protocol::Bytes bytes, const ClientLimits& limits) {
  Params keys("get_many", bytes, limits);
  keys.cache_name();
  const auto key_count = keys.keys();
  check(key_count <= limits.keys_max, "keys are within their limit");
  for (std::uint32_t i = 0; i < key_count; ++i) {
    const bool is_good = !keys.next_key().empty();
    check(is_good || keys.has_fault(), "a key is not empty");
  }
  check_fault(keys);
  Params pairs("put_many", bytes, limits);
  pairs.cache_name();
  const auto pair_count = pairs.pairs();
  check(pair_count <= limits.keys_max, "pairs are within their limit");
  for (std::uint32_t i = 0; i < pair_count; ++i) {
    const bool is_good = !pairs.next_pair().first.empty();
    check(is_good || pairs.has_fault(), "the key of a pair is not empty");
  }
  read_options(pairs);
  check_fault(pairs);
}

void read_as_others(protocol::Bytes bytes, const ClientLimits& limits) {
  Params increment("increment", bytes, limits);
  increment.cache_name();
  increment.key();
  increment.integer("delta");
  check_fault(increment);
  Params info("info", bytes, limits);
  info.optional_cache_name();
  info.options({});
  check_fault(info);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ClientLimits limits;
  limits.keys_max = 100;
  const auto bytes = fuzz::bytes_of(data, size);
  // What reaches Params is one whole array: the router and the scanner see to that.
  protocol::FrameScanner scanner(limits.frame);
  const auto outcome = scanner.scan(bytes);
  const auto* end = std::get_if<protocol::FrameEnd>(&outcome);
  if (end == nullptr) return 0;
  const auto params = bytes.substr(0, end->size);
  read_as_put(params, limits);
  read_as_many(params, limits);
  read_as_others(params, limits);
  return 0;
}
