// The C interface: clients and caches.
#include "client/c/handles.h"

namespace {

using namespace pannier::c;
using pannier::InvalidArgument;

pannier::SharedReads shared_reads_of(std::int32_t number) {
  if (number == PANNIER_SHARED_READS_WHEN_IT_PAYS) return pannier::SharedReads::kWhenItPays;
  if (number == PANNIER_SHARED_READS_AT_ONCE) return pannier::SharedReads::kAtOnce;
  if (number == PANNIER_SHARED_READS_NEVER) return pannier::SharedReads::kNever;
  throw InvalidArgument("shared_reads is one of PANNIER_SHARED_READS_WHEN_IT_PAYS, _AT_ONCE and _NEVER");
}

pannier::ClientOptions client_options(const pannier_client_options& given) {
  pannier::ClientOptions options;
  const auto set = [](auto& into, std::int64_t ms) {
    if (ms < 0) throw InvalidArgument("a time-out is negative");
    if (ms != 0) into = std::chrono::milliseconds(ms);
  };
  if (given.path) options.path = given.path;
  set(options.connect_timeout, given.connect_timeout_ms);
  set(options.request_timeout, given.request_timeout_ms);
  set(options.slow_request_timeout, given.slow_request_timeout_ms);
  if (given.pool_size != 0) options.pool_size = given.pool_size;
  if (given.reply_bytes_max != 0) options.reply_bytes_max = given.reply_bytes_max;
  options.shared_reads = shared_reads_of(given.shared_reads);
  options.client_name = "libpannier_c";
  return options;
}

std::optional<std::uint64_t> unless_zero(std::uint64_t number) {
  return number == 0 ? std::nullopt : std::optional(number);
}

std::optional<std::chrono::milliseconds> ms_unless_zero(std::int64_t ms) {
  return ms == 0 ? std::nullopt : std::optional(std::chrono::milliseconds(ms));
}

std::optional<pannier::Policy> policy_of(const char* name) {
  return name ? std::optional(pannier::policy_named(name)) : std::nullopt;
}

pannier::CacheSettings cache_settings(const pannier_cache_settings* settings) {
  const auto given = known(settings);
  check_flags(given.flags, PANNIER_ALTER);
  return {.tier = pannier::tier_named(name_of(given.tier, "the tier")),
          .max_entries = unless_zero(given.max_entries),
          .max_bytes = unless_zero(given.max_bytes),
          .max_age = ms_unless_zero(given.max_age_ms),
          .stale = ms_unless_zero(given.stale_ms),
          .reserved_bytes = unless_zero(given.reserved_bytes),
          .policy = policy_of(given.policy),
          .alter = (given.flags & PANNIER_ALTER) != 0};
}

}  // namespace

extern "C" {

pannier_client* pannier_client_new(const pannier_client_options* options, pannier_error* error) {
  pannier_client* client = nullptr;
  guarded(error, [&] {
    client = new pannier_client{pannier::Client(client_options(known(options)))};
    return PANNIER_OK;
  });
  return client;
}

void pannier_client_free(pannier_client* client) {
  const Uncanceled uncanceled;
  delete client;
}

pannier_status pannier_open(pannier_client* client, const char* cache, const pannier_cache_settings* settings,
                            pannier_error* error) {
  return guarded(error, [&] {
    return ok_if(client_of(client).open(name_of(cache, "the cache"), cache_settings(settings)));
  });
}

pannier_status pannier_drop(pannier_client* client, const char* cache, pannier_error* error) {
  return guarded(error, [&] { return ok_if(client_of(client).drop(name_of(cache, "the cache"))); });
}

pannier_status pannier_clear(pannier_client* client, const char* cache, const void* prefix,
                             size_t prefix_size, uint64_t* count, pannier_error* error) {
  return guarded(error, [&] {
    hand_out(count, client_of(client).clear(name_of(cache, "the cache"), bytes_of(prefix, prefix_size)));
    return PANNIER_OK;
  });
}

pannier_status pannier_sync(pannier_client* client, const char* cache, pannier_error* error) {
  return guarded(error, [&] {
    cache ? client_of(client).sync(cache) : client_of(client).sync();
    return PANNIER_OK;
  });
}

pannier_status pannier_each_key(pannier_client* client, const char* cache, const void* prefix,
                                size_t prefix_size,
                                bool (*visit)(const void* key, size_t key_size, void* context), void* context,
                                pannier_error* error) {
  return guarded(error, [&] {
    if (!visit) throw InvalidArgument("there is no function to visit the keys");
    client_of(client).each_key(name_of(cache, "the cache"), bytes_of(prefix, prefix_size),
                               [&](std::string_view key) { return visit(key.data(), key.size(), context); });
    return PANNIER_OK;
  });
}

pannier_status pannier_call(pannier_client* client, const char* method, const void* params,
                            size_t params_size, pannier_buffer* result, pannier_error* error) {
  return guarded(error, [&] {
    hand_out(result, client_of(client).call(name_of(method, "the method"), bytes_of(params, params_size)));
    return PANNIER_OK;
  });
}
}
