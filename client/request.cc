#include "pannier/detail/request.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "pannier/error.h"
#include "protocol/cursor.h"
#include "protocol/scanner.h"
#include "protocol/writer.h"

namespace pannier::detail {

namespace {

using protocol::Writer;

/// How long a lease lasts, and with it the wait, when the caller does not say.
constexpr std::chrono::milliseconds kLeaseDefault = std::chrono::seconds(10);

/// The options at the end of the params: left out while there are none.
class OptionMap {
 public:
  /// The writer to append the value of the option `name` with.
  Writer add(std::string_view name) {
    ++count_;
    Writer writer(bytes_);
    writer.string(name);
    return writer;
  }
  void add_flag(std::string_view name, bool value) {
    if (value) add(name).boolean(true);
  }
  void add_number(std::string_view name, std::optional<std::uint64_t> value) {
    if (value) add(name).unsigned_integer(*value);
  }
  void add_duration(std::string_view name, std::optional<std::chrono::milliseconds> value) {
    if (value) add(name).integer(value->count());
  }
  void add_ttl(const Ttl& ttl) {
    if (ttl.is_cache_default()) return;
    if (const auto duration = ttl.duration()) {
      add("ttl_ms").integer(duration->count());
    } else {
      add("ttl_ms").nil();
    }
  }
  void add_condition(const Condition& condition) {
    if (std::holds_alternative<IfAbsent>(condition)) add("if").string("absent");
    if (std::holds_alternative<IfPresent>(condition)) add("if").string("present");
    if (const auto* version = std::get_if<IfVersion>(&condition))
      add("if").unsigned_integer(version->version);
  }

  bool empty() const { return count_ == 0; }
  void write(Writer& writer) const {
    writer.map(count_);
    writer.raw(bytes_);
  }

 private:
  std::string bytes_;
  std::uint32_t count_ = 0;
};

/// Writes one request: its start, its positional params, its options.
class RequestWriter {
 public:
  RequestWriter(std::uint64_t id, std::string_view method, std::uint32_t positional_count,
                OptionMap options = {})
      : request_{.id = id}, writer_(request_.frame), options_(std::move(options)) {
    writer_.request_start(id, method);
    writer_.array(positional_count + (options_.empty() ? 0 : 1));
  }

  Writer* operator->() { return &writer_; }
  Request finish() {
    if (!options_.empty()) options_.write(writer_);
    return std::move(request_);
  }

 private:
  Request request_;
  Writer writer_;
  OptionMap options_;
};

Request repeatable(Request request) {
  request.is_repeatable = true;
  return request;
}

/// Of the methods that a caller may name.
bool waits_for_disk(std::string_view method) {
  constexpr std::string_view kWaiting[] = {"backup", "backup_next", "clear", "drop", "reload", "sync"};
  return std::ranges::find(kWaiting, method) != std::end(kWaiting);
}

Request slow_if(bool is_slow, Request request) {
  request.is_slow = is_slow;
  return request;
}

// A frame that ends elsewhere than its bytes do holds something that is not exactly one object.
void check_whole(const Request& request, std::string_view what) {
  protocol::FrameScanner scanner(protocol::FrameLimits{.frame_bytes_max = SIZE_MAX, .depth_max = SIZE_MAX});
  const auto outcome = scanner.scan(request.frame);
  const auto* end = std::get_if<protocol::FrameEnd>(&outcome);
  if (!end || end->size != request.frame.size()) {
    throw InvalidArgument("not exactly one MessagePack object: " + std::string(what));
  }
}

}  // namespace

Request plain_request(std::uint64_t id, std::string_view method) {
  return slow_if(method == "sync", repeatable(RequestWriter(id, method, 0).finish()));
}

Request cache_request(std::uint64_t id, std::string_view method, std::string_view cache) {
  RequestWriter writer(id, method, 1);
  writer->string(cache);
  auto request = slow_if(method != "info", writer.finish());
  request.is_repeatable = method == "info" || method == "sync";
  return request;
}

Request hello_request(std::uint64_t id, std::string_view name, std::string_view version) {
  OptionMap client;
  client.add("name").string(name);
  client.add("version").string(version);
  return repeatable(RequestWriter(id, "hello", 0, client).finish());
}

Request open_request(std::uint64_t id, std::string_view cache, const CacheSettings& settings) {
  OptionMap options;
  options.add("tier").string(kTierNames[static_cast<std::size_t>(settings.tier)]);
  options.add_number("max_entries", settings.max_entries);
  options.add_number("max_bytes", settings.max_bytes);
  options.add_duration("max_age_ms", settings.max_age);
  options.add_duration("stale_ms", settings.stale);
  options.add_number("reserved_bytes", settings.reserved_bytes);
  if (settings.policy) options.add("policy").string(kPolicyNames[static_cast<std::size_t>(*settings.policy)]);
  options.add_flag("alter", settings.alter);
  RequestWriter writer(id, "open", 1, options);
  writer->string(cache);
  return slow_if(settings.tier == Tier::kDurable, writer.finish());
}

Request prefix_request(std::uint64_t id, std::string_view method, std::string_view cache,
                       std::string_view prefix) {
  OptionMap options;
  if (!prefix.empty()) options.add("prefix").string(prefix);
  RequestWriter writer(id, method, 1, options);
  writer->string(cache);
  return slow_if(method == "clear", writer.finish());
}

Request get_request(std::uint64_t id, std::string_view cache, std::string_view key, bool with_meta) {
  OptionMap options;
  options.add_flag("meta", with_meta);
  RequestWriter writer(id, "get", 2, options);
  writer->string(cache);
  writer->string(key);
  return repeatable(writer.finish());
}

Request key_list_request(std::uint64_t id, std::string_view method, std::string_view cache,
                         const KeyList& keys) {
  RequestWriter writer(id, method, 2);
  writer->string(cache);
  writer->array(static_cast<std::uint32_t>(keys.size()));
  for (const auto key : keys) writer->string(key);
  auto request = writer.finish();
  request.is_repeatable = method == "get_many";
  return request;
}

Request put_request(std::uint64_t id, std::string_view cache, std::string_view key, std::string_view packed,
                    const PutOptions& options) {
  OptionMap map;
  map.add_ttl(options.ttl);
  map.add_flag("keep_ttl", options.keep_ttl);
  map.add_duration("stale_ms", options.stale);
  map.add_condition(options.condition);
  map.add_number("lease", options.lease);
  map.add_flag("sync", options.sync);
  RequestWriter writer(id, "put", 3, map);
  writer->string(cache);
  writer->string(key);
  writer->raw(packed);
  auto request = slow_if(options.sync, writer.finish());
  check_whole(request, "the value to put");
  return request;
}

Request put_many_request(std::uint64_t id, std::string_view cache, const PackedEntries& entries,
                         const PutManyOptions& options) {
  OptionMap map;
  map.add_ttl(options.ttl);
  map.add_flag("sync", options.sync);
  RequestWriter writer(id, "put_many", 2, map);
  writer->string(cache);
  writer->array(static_cast<std::uint32_t>(entries.size()));
  for (const auto& [key, packed] : entries) {
    writer->array(2);
    writer->string(key);
    writer->raw(packed);
  }
  auto request = slow_if(options.sync, writer.finish());
  check_whole(request, "one of the values to put");
  return request;
}

Request delete_request(std::uint64_t id, std::string_view cache, std::string_view key,
                       const EraseOptions& options) {
  OptionMap map;
  map.add_number("if", options.if_version);
  map.add_flag("sync", options.sync);
  RequestWriter writer(id, "delete", 2, map);
  writer->string(cache);
  writer->string(key);
  return slow_if(options.sync, writer.finish());
}

Request touch_request(std::uint64_t id, std::string_view cache, std::string_view key, Ttl ttl) {
  OptionMap options;
  options.add_ttl(ttl);
  RequestWriter writer(id, "touch", 2, options);
  writer->string(cache);
  writer->string(key);
  return repeatable(writer.finish());
}

Request increment_request(std::uint64_t id, std::string_view cache, std::string_view key, std::int64_t delta,
                          const IncrementOptions& options) {
  OptionMap map;
  if (options.initial) map.add("initial").integer(*options.initial);
  map.add_ttl(options.ttl);
  RequestWriter writer(id, "increment", 3, map);
  writer->string(cache);
  writer->string(key);
  writer->integer(delta);
  return writer.finish();
}

Request keys_request(std::uint64_t id, std::string_view cache, const KeysOptions& options) {
  OptionMap map;
  if (options.cursor) map.add("cursor").raw(*options.cursor);
  if (!options.prefix.empty()) map.add("prefix").string(options.prefix);
  map.add_number("limit", options.limit);
  RequestWriter writer(id, "keys", 1, map);
  writer->string(cache);
  auto request = repeatable(writer.finish());
  check_whole(request, "the cursor");
  return request;
}

Request lease_request(std::uint64_t id, std::string_view cache, std::string_view key,
                      const LeaseOptions& options) {
  OptionMap map;
  map.add_duration("lease_ms", options.duration);
  map.add_duration("wait_ms", options.wait);
  RequestWriter writer(id, "lease", 2, map);
  writer->string(cache);
  writer->string(key);
  auto request = writer.finish();
  request.wait = std::max(options.wait.value_or(options.duration.value_or(kLeaseDefault)), {});
  return request;
}

Request release_request(std::uint64_t id, std::string_view cache, std::string_view key, Token token) {
  RequestWriter writer(id, "release", 3);
  writer->string(cache);
  writer->string(key);
  writer->unsigned_integer(token);
  return writer.finish();
}

std::string release_notification(std::string_view cache, std::string_view key, Token token) {
  std::string frame;
  Writer writer(frame);
  writer.notification_start("release");
  writer.array(3);
  writer.string(cache);
  writer.string(key);
  writer.unsigned_integer(token);
  return frame;
}

Request raw_request(std::uint64_t id, std::string_view method, std::string_view params) {
  if (protocol::Cursor(params).peek() != protocol::Type::kArray) {
    throw InvalidArgument("the params of a method are one MessagePack array");
  }
  Request request{.id = id};
  Writer writer(request.frame);
  writer.request_start(id, method);
  writer.raw(params);
  check_whole(request, "the params");
  return slow_if(waits_for_disk(method), std::move(request));
}

}  // namespace pannier::detail
