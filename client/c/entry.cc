// The C interface: entries and leases.
#include "client/c/handles.h"
#include "protocol/cursor.h"
#include "protocol/writer.h"

namespace {

using namespace pannier::c;
using pannier::InvalidArgument;

std::string packed_bytes(std::string_view bytes) {
  std::string packed;
  pannier::protocol::Writer(packed).binary(bytes);
  return packed;
}

std::string_view bytes_in(std::string_view packed) {
  const auto bytes = pannier::protocol::Cursor(packed).read_string();
  if (!bytes) {
    throw pannier::UnpackError("the value is " + pannier::protocol::described(packed) +
                               ", and no bin or str");
  }
  return *bytes;
}

pannier_status put(pannier_client* client, const char* cache, std::string_view key, std::string_view packed,
                   const pannier_put_options* options, uint64_t* version) {
  return hand_out_if(
      version, client_of(client).put_raw(name_of(cache, "the cache"), key, packed, put_options(options)));
}

pannier::LeaseOptions lease_options(const pannier_lease_options* options) {
  const auto given = known(options);
  pannier::LeaseOptions chosen;
  if (given.duration_ms != 0) chosen.duration = std::chrono::milliseconds(given.duration_ms);
  if (given.wait_ms < PANNIER_NO_WAIT) throw InvalidArgument("a wait is negative");
  if (given.wait_ms == PANNIER_NO_WAIT) chosen.wait = std::chrono::milliseconds(0);
  if (given.wait_ms > 0) chosen.wait = std::chrono::milliseconds(given.wait_ms);
  return chosen;
}

}  // namespace

namespace pannier::c {

Ttl ttl_of(std::int64_t ttl_ms) {
  if (ttl_ms == 0) return {};
  if (ttl_ms == PANNIER_TTL_NONE) return Ttl::none();
  return std::chrono::milliseconds(ttl_ms);
}

PutOptions put_options(const pannier_put_options* options) {
  const auto given = known(options);
  const auto has = [&](std::uint64_t flag) { return (given.flags & flag) != 0; };
  check_flags(given.flags, PANNIER_KEEP_TTL | PANNIER_IF_ABSENT | PANNIER_IF_PRESENT | PANNIER_SYNC);
  if (has(PANNIER_IF_ABSENT) + has(PANNIER_IF_PRESENT) + (given.if_version != 0) > 1) {
    throw InvalidArgument("a put has one condition at most");
  }
  PutOptions chosen{
      .ttl = ttl_of(given.ttl_ms), .keep_ttl = has(PANNIER_KEEP_TTL), .sync = has(PANNIER_SYNC)};
  if (given.stale_ms != 0) chosen.stale = std::chrono::milliseconds(given.stale_ms);
  if (has(PANNIER_IF_ABSENT)) chosen.condition = IfAbsent{};
  if (has(PANNIER_IF_PRESENT)) chosen.condition = IfPresent{};
  if (given.if_version != 0) chosen.condition = IfVersion{given.if_version};
  if (given.lease != 0) chosen.lease = given.lease;
  return chosen;
}

}  // namespace pannier::c

extern "C" {

pannier_status pannier_get(pannier_client* client, const char* cache, const void* key, size_t key_size,
                           pannier_buffer* value, pannier_error* error) {
  return guarded(error, [&] {
    return hand_out_if(value,
                       client_of(client).get_raw(name_of(cache, "the cache"), bytes_of(key, key_size)));
  });
}

pannier_status pannier_get_bytes(pannier_client* client, const char* cache, const void* key, size_t key_size,
                                 pannier_buffer* value, pannier_error* error) {
  return guarded(error, [&]() -> pannier_status {
    const auto packed = client_of(client).get_raw(name_of(cache, "the cache"), bytes_of(key, key_size));
    if (!packed) return PANNIER_NOTHING;
    hand_out(value, bytes_in(*packed));
    return PANNIER_OK;
  });
}

pannier_status pannier_get_entry(pannier_client* client, const char* cache, const void* key, size_t key_size,
                                 pannier_buffer* value, uint64_t* version, int64_t* ttl_ms,
                                 pannier_error* error) {
  return guarded(error, [&]() -> pannier_status {
    const auto entry = client_of(client).get_entry_raw(name_of(cache, "the cache"), bytes_of(key, key_size));
    if (!entry) return PANNIER_NOTHING;
    hand_out(value, entry->value);
    hand_out(version, entry->version);
    hand_out(ttl_ms, entry->ttl ? std::int64_t{entry->ttl->count()} : PANNIER_TTL_NONE);
    return PANNIER_OK;
  });
}

pannier_status pannier_get_many(pannier_client* client, const char* cache, const pannier_key* keys,
                                size_t count, pannier_buffer* values, pannier_error* error) {
  return guarded(error, [&] {
    if (count > 0 && (!keys || !values)) throw InvalidArgument("the keys or the room for values are NULL");
    std::vector<std::string_view> views;
    for (size_t i = 0; i < count; ++i) views.push_back(bytes_of(keys[i].data, keys[i].size));
    const auto found = client_of(client).get_many_raw(name_of(cache, "the cache"), views);
    std::fill_n(values, count, pannier_buffer{});
    try {
      for (size_t i = 0; i < count; ++i) {
        if (found[i]) hand_out(&values[i], *found[i]);
      }
    } catch (...) {
      for (size_t i = 0; i < count; ++i) pannier_buffer_free(&values[i]);
      throw;
    }
    return PANNIER_OK;
  });
}

pannier_status pannier_put(pannier_client* client, const char* cache, const void* key, size_t key_size,
                           const void* value, size_t value_size, const pannier_put_options* options,
                           uint64_t* version, pannier_error* error) {
  return guarded(error, [&] {
    return put(client, cache, bytes_of(key, key_size), bytes_of(value, value_size), options, version);
  });
}

pannier_status pannier_put_bytes(pannier_client* client, const char* cache, const void* key, size_t key_size,
                                 const void* bytes, size_t bytes_size, const pannier_put_options* options,
                                 uint64_t* version, pannier_error* error) {
  return guarded(error, [&] {
    return put(client, cache, bytes_of(key, key_size), packed_bytes(bytes_of(bytes, bytes_size)), options,
               version);
  });
}

pannier_status pannier_erase(pannier_client* client, const char* cache, const void* key, size_t key_size,
                             uint64_t if_version, pannier_error* error) {
  return guarded(error, [&] {
    pannier::EraseOptions options;
    if (if_version != 0) options.if_version = if_version;
    return ok_if(client_of(client).erase(name_of(cache, "the cache"), bytes_of(key, key_size), options));
  });
}

pannier_status pannier_touch(pannier_client* client, const char* cache, const void* key, size_t key_size,
                             int64_t ttl_ms, pannier_error* error) {
  return guarded(error, [&] {
    return ok_if(
        client_of(client).touch(name_of(cache, "the cache"), bytes_of(key, key_size), ttl_of(ttl_ms)));
  });
}

pannier_status pannier_increment(pannier_client* client, const char* cache, const void* key, size_t key_size,
                                 int64_t delta, int64_t* sum, pannier_error* error) {
  return guarded(error, [&] {
    hand_out(sum, client_of(client).increment(name_of(cache, "the cache"), bytes_of(key, key_size), delta));
    return PANNIER_OK;
  });
}

pannier_status pannier_lease_get(pannier_client* client, const char* cache, const void* key, size_t key_size,
                                 const pannier_lease_options* options, pannier_buffer* value, bool* stale,
                                 pannier_lease** lease, pannier_error* error) {
  return guarded(error, [&]() -> pannier_status {
    if (!value || !lease) throw InvalidArgument("there is no room for a value or for a lease");
    auto found = client_of(client).lease_raw(name_of(cache, "the cache"), bytes_of(key, key_size),
                                             lease_options(options));
    if (!found.value && !found.lease) return PANNIER_NOTHING;
    std::unique_ptr<pannier_lease> granted;
    if (found.lease) granted = std::make_unique<pannier_lease>(pannier_lease{*std::move(found.lease)});
    *value = {};
    if (found.value) hand_out(value, *found.value);
    hand_out(stale, found.stale);
    *lease = granted.release();
    return PANNIER_OK;
  });
}

pannier_status pannier_lease_put(pannier_lease* lease, const void* value, size_t value_size,
                                 const pannier_put_options* options, uint64_t* version,
                                 pannier_error* error) {
  return guarded(error, [&] {
    if (!lease) throw InvalidArgument("the lease is NULL");
    return hand_out_if(version, lease->lease.put_raw(bytes_of(value, value_size), put_options(options)));
  });
}

void pannier_lease_free(pannier_lease* lease) {
  const pannier::c::Uncanceled uncanceled;
  delete lease;
}
}
