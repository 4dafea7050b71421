#include "daemon/setting.h"

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>

#include "daemon/log.h"
#include "daemon/quantity.h"
#include "protocol/error.h"
#include "storage/arena.h"

namespace pannier::daemon {
namespace {

constexpr std::uint64_t kKiB = std::uint64_t{1} << 10;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kTiB = std::uint64_t{1} << 40;
constexpr std::uint64_t kCountMax = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kWireMax = protocol::kDurationMsMax;
constexpr std::uint64_t kDayMs = 86'400'000;
constexpr std::uint64_t kCenturyMs = 36'500 * kDayMs;

using Kind = SettingKind;

constexpr auto kSettings = std::to_array<Setting>({
    {{"", "socket", Kind::kText, 0, 0, "/run/pannier/pannier.sock",
      "Path of the Unix socket, at most 107 bytes. Beside it PATH.lock is kept."},
     [](Config& config) -> SettingField { return &config.socket_path; },
     TakesEffect::kAtRestart},
    {{"", "socket_mode", Kind::kMode, 0, 0777, "0660",
      "Permissions of the socket, octal: who may write may connect."},
     [](Config& config) -> SettingField { return &config.socket_mode; },
     TakesEffect::kAtRestart},
    {{"", "socket_group", Kind::kText, 0, 0, "www-data", "Group of the socket, a name or a number.",
      "the process' own"},
     [](Config& config) -> SettingField { return &config.socket_group; },
     TakesEffect::kAtRestart},
    {{"", "data_dir", Kind::kText, 0, 0, "/var/lib/pannier",
      "Directory of the durable tier; made (mode 0700) if the directory above it is there."},
     [](Config& config) -> SettingField { return &config.data_dir; },
     TakesEffect::kAtRestart},
    {{"", "memory_limit", Kind::kSize, storage::Arena::kBytesMin, storage::Arena::kBytesMax, "256M",
      "Memory for entries and index of all caches."},
     [](Config& config) -> SettingField { return &config.memory_bytes_max; },
     TakesEffect::kAtRestart},
    {{"", "arena_file", Kind::kText, 0, 0, "/dev/shm/pannier.arena",
      "A file in a tmpfs that keeps this memory when the process ends; not needed where systemd keeps it.",
      "none"},
     [](Config& config) -> SettingField { return &config.arena_path; },
     TakesEffect::kAtRestart},
    {{"", "log_level", Kind::kLogLevel, 0, 0, "info",
      "Least important events that are logged: debug, info, warning, error."},
     [](Config& config) -> SettingField { return &config.log_level; },
     TakesEffect::kAtOnce},
    {{"", "slow_request", Kind::kDuration, 0, kDayMs, "100ms",
      "Requests that take longer are logged, at most one a second; 0: none."},
     [](Config& config) -> SettingField { return &config.slow_request_ms; },
     TakesEffect::kAtOnce},

    {{"", "spin_us", Kind::kCount, 0, 1'000, "0",
      "Microseconds to spin for the next request instead of sleeping, while requests come close together."},
     [](Config& config) -> SettingField { return &config.spin_us; },
     TakesEffect::kAtOnce},
    {{"", "max_shared_readers", Kind::kCount, 0, 100'000, "1024",
      "Processes that may read entries from memory themselves; 0: none."},
     [](Config& config) -> SettingField { return &config.shared_readers_max; },
     TakesEffect::kAtOnce},

    {{"limits", "max_caches", Kind::kCount, 3, storage::kCachesMax, "1024",
      "Caches, the three that are always there included."},
     [](Config& config) -> SettingField { return &config.caches_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_connections", Kind::kCount, 1, 1'000'000, "1024",
      "Connections at once; further ones are refused."},
     [](Config& config) -> SettingField { return &config.limits.connections_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_frame", Kind::kSize, 256 * kKiB, kGiB, "64M", "A whole message of a client.",
      "64M, at least twice max_value, at most 1G"},
     [](Config& config) -> SettingField { return &config.limits.frame.frame_bytes_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_depth", Kind::kCount, protocol::kDepthLimitMin, 10'000, "128",
      "Nesting of arrays and maps in a message."},
     [](Config& config) -> SettingField { return &config.limits.frame.depth_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_key", Kind::kSize, 1, protocol::kKeyBytesMax, "1K", "A key."},
     [](Config& config) -> SettingField { return &config.limits.key_bytes_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_value", Kind::kSize, kKiB, kGiB, "32M", "A value."},
     [](Config& config) -> SettingField { return &config.limits.value_bytes_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_reply", Kind::kSize, 256 * kKiB, kGiB, "64M", "A whole reply.",
      "64M, at least twice max_value, at most 1G"},
     [](Config& config) -> SettingField { return &config.limits.reply_bytes_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_keys", Kind::kCount, 1, 100'000'000, "100000",
      "Keys of one get_many, put_many or delete_many."},
     [](Config& config) -> SettingField { return &config.limits.keys_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_unsent", Kind::kSize, 64 * kKiB, kGiB, "1M",
      "Replies that a client has not read; above it the daemon stops reading from it."},
     [](Config& config) -> SettingField { return &config.limits.unsent_bytes_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_buffers", Kind::kSize, kMiB, kTiB, "256M",
      "Unread requests and unsent replies of all connections together.",
      "256M, at least four times max_frame and max_reply"},
     [](Config& config) -> SettingField { return &config.limits.buffer_bytes_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_waiting", Kind::kCount, 1, 1'000'000, "1024",
      "Requests of a connection that wait for their reply."},
     [](Config& config) -> SettingField { return &config.limits.waiting_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_leases", Kind::kCount, 1, 1'000'000, "1024", "Leases that a connection holds."},
     [](Config& config) -> SettingField { return &config.limits.leases_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_subscriptions", Kind::kCount, 1, 1'000'000, "256",
      "Caches that a connection subscribes to."},
     [](Config& config) -> SettingField { return &config.limits.subscriptions_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_lease", Kind::kDuration, 1, kCenturyMs, "1h",
      "The longest lease that a client may ask for."},
     [](Config& config) -> SettingField { return &config.limits.lease_ms_max; },
     TakesEffect::kAtOnce},

    {{"limits", "max_user_connections", Kind::kCount, 1, 1'000'000, "768",
      "Connections of one user. Root and the daemon's own user have no limits of users.",
      "768, three quarters of max_connections"},
     [](Config& config) -> SettingField { return &config.limits.user_connections_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_user_waiting", Kind::kCount, 1, 100'000'000, "16384",
      "Requests of one user that wait for their reply."},
     [](Config& config) -> SettingField { return &config.limits.user_waiting_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_user_leases", Kind::kCount, 1, 100'000'000, "16384", "Leases that one user holds."},
     [](Config& config) -> SettingField { return &config.limits.user_leases_max; },
     TakesEffect::kAtOnce},
    {{"limits", "max_user_buffers", Kind::kSize, kMiB, kTiB, "128M",
      "Unread requests and unsent replies of one user's connections.",
      "128M, half of max_buffers, at least twice max_frame and max_reply"},
     [](Config& config) -> SettingField { return &config.limits.user_buffer_bytes_max; },
     TakesEffect::kAtOnce},

    {{"durable", "checkpoint_interval", Kind::kDuration, 1, kDayMs, "5s",
      "A write is on disk after about this long, if nobody asks for it earlier."},
     [](Config& config) -> SettingField { return &config.durable.checkpoint_interval_ms; },
     TakesEffect::kAtOnce},
    {{"durable", "checkpoint_bytes", Kind::kSize, 1, kTiB, "16M",
      "As soon as so much waits for the disk it is written, whatever the interval.",
      "16M, at most half of max_dirty"},
     [](Config& config) -> SettingField { return &config.durable.checkpoint_dirty_bytes; },
     TakesEffect::kAtOnce},
    {{"durable", "max_dirty", Kind::kSize, 64 * kKiB, kTiB, "64M",
      "What may wait for the disk; above it writes are refused as overloaded.", "a quarter of memory_limit"},
     [](Config& config) -> SettingField { return &config.durable.dirty_bytes_max; },
     TakesEffect::kAtOnce},
    {{"durable", "expire_interval", Kind::kDuration, 1, kDayMs, "10m",
      "How often expired entries that are on disk alone are looked for, to be erased there."},
     [](Config& config) -> SettingField { return &config.durable.expire_interval_ms; },
     TakesEffect::kAtOnce},
    {{"durable", "max_loads", Kind::kCount, 1, kCountMax, "131072",
      "Keys and walks that wait to be read from disk; further requests are refused as overloaded."},
     [](Config& config) -> SettingField { return &config.durable.loads_waiting_max; },
     TakesEffect::kAtOnce},
});

constexpr auto kCacheSettings = std::to_array<CacheSetting>({
    {{"cache.NAME", "tier", Kind::kTier, 0, 0, "lru", "Required: lru, ttl or durable.", "none"},
     [](storage::Settings& settings) -> SettingField { return &settings.tier; }},
    {{"cache.NAME", "policy", Kind::kPolicy, 0, 0, "lru",
      "What goes first when the cache is full: lru or fifo."},
     [](storage::Settings& settings) -> SettingField { return &settings.policy; }},
    {{"cache.NAME", "max_entries", Kind::kCount, 1, kWireMax, "100000", "Entries; not of tier durable.",
      "no bound"},
     [](storage::Settings& settings) -> SettingField { return &settings.entries_max; }},
    {{"cache.NAME", "max_bytes", Kind::kSize, 1, kTiB, "64M",
      "Keys, values and overhead; not of tier durable.", "no bound"},
     [](storage::Settings& settings) -> SettingField { return &settings.bytes_max; }},
    {{"cache.NAME", "max_age", Kind::kDuration, 1, kCenturyMs, "1m",
      "How long an entry lives whose write names no time; tier ttl needs it.", "for ever"},
     [](storage::Settings& settings) -> SettingField { return &settings.age_ms_max; }},
    {{"cache.NAME", "stale", Kind::kDuration, 0, kCenturyMs, "10s",
      "How long past its deadline an entry is kept for a lease."},
     [](storage::Settings& settings) -> SettingField { return &settings.stale_ms; }},
    {{"cache.NAME", "reserved", Kind::kSize, 0, kTiB, "16M",
      "Memory that other caches cannot take from this one."},
     [](storage::Settings& settings) -> SettingField { return &settings.reserved_bytes; }},
});

/// How the values of a kind are called and read; those that are no numbers have no `parse`.
struct KindRow {
  SettingKind kind;
  std::string_view noun;
  std::string_view placeholder;
  std::optional<std::uint64_t> (*parse)(std::string_view);
  std::string (*text)(std::uint64_t);
};
constexpr auto kKinds = std::to_array<KindRow>({
    {Kind::kText, "a text", "TEXT", nullptr, nullptr},
    {Kind::kLogLevel, "a level", "LEVEL", nullptr, nullptr},
    {Kind::kMode, "an octal mode", "MODE", parse_mode, mode_text},
    {Kind::kSize, "a size", "SIZE", parse_size, size_text},
    {Kind::kDuration, "a duration", "DURATION", parse_duration, duration_text},
    {Kind::kCount, "a number", "N", parse_count, std::to_string},
    {Kind::kTier, "a tier", "TIER", nullptr, nullptr},
    {Kind::kPolicy, "a policy", "POLICY", nullptr, nullptr},
});

const KindRow& row_of(SettingKind kind) { return kKinds.at(static_cast<std::size_t>(kind)); }

std::string quoted(std::string_view text) { return protocol::quoted(text); }

std::string quoted_example(const SettingRow& row) {
  return row.kind == Kind::kCount ? std::string(row.example) : quoted(row.example);
}

/// Precondition: the kind has numbers.
std::optional<std::string> set_number(const SettingRow& row, SettingField field, std::uint64_t number) {
  const auto text = row_of(row.kind).text;
  if (number < row.least) return text(number) + " is below " + text(row.least);
  if (number > row.most) return text(number) + " is above " + text(row.most);
  std::visit(
      [number](auto* target) {
        using Target = std::remove_pointer_t<decltype(target)>;
        if constexpr (std::is_same_v<Target, std::uint32_t>) *target = static_cast<std::uint32_t>(number);
        if constexpr (std::is_same_v<Target, std::uint64_t>) *target = number;
        if constexpr (std::is_same_v<Target, std::optional<std::uint64_t>>) *target = number;
      },
      field);
  return std::nullopt;
}

std::optional<std::string> set_word(const SettingRow& row, SettingField field, std::string_view text) {
  const std::string unknown = quoted(text) + " is not " + std::string(row_of(row.kind).noun);
  if (auto* const tier = std::get_if<storage::Tier*>(&field)) {
    const std::optional<storage::Tier> named = storage::tier_named(text);
    if (!named) return unknown;
    **tier = *named;
  } else if (auto* const policy = std::get_if<storage::PolicyKind*>(&field)) {
    const std::optional<storage::PolicyKind> named = storage::policy_named(text);
    if (!named) return unknown;
    **policy = *named;
  } else {
    if (row.kind == Kind::kLogLevel && !log_level_named(text)) return unknown;
    *std::get<std::string*>(field) = text;
  }
  return std::nullopt;
}

struct TextOfField {
  const KindRow& kind;

  std::string operator()(const std::string* text) const { return *text; }
  std::string operator()(const std::uint32_t* number) const { return kind.text(*number); }
  std::string operator()(const std::uint64_t* number) const { return kind.text(*number); }
  std::string operator()(const std::optional<std::uint64_t>* number) const {
    return *number ? kind.text(**number) : "";
  }
  std::string operator()(const storage::Tier* tier) const {
    return std::string(storage::traits_of(*tier).name);
  }
  std::string operator()(const storage::PolicyKind* policy) const {
    return std::string(storage::policy_name(*policy));
  }
};

}  // namespace

std::span<const Setting> all_settings() { return kSettings; }

std::span<const CacheSetting> all_cache_settings() { return kCacheSettings; }

std::string path_of(const SettingRow& row) {
  return row.section.empty() ? std::string(row.key) : std::string(row.section) + "." + std::string(row.key);
}

std::string option_of(const SettingRow& row) {
  std::string option = "--" + std::string(row.key);
  std::replace(option.begin(), option.end(), '_', '-');
  return option;
}

std::string wanted_text(const SettingRow& row) {
  const KindRow& kind = row_of(row.kind);
  switch (row.kind) {
    case Kind::kLogLevel:
      return "one of " + log_level_names();
    case Kind::kTier:
      return "one of " + storage::tier_names();
    case Kind::kPolicy:
      return "one of " + storage::policy_names();
    case Kind::kText:
      return std::string(kind.noun) + ", such as " + quoted_example(row);
    case Kind::kMode:
    case Kind::kSize:
    case Kind::kDuration:
    case Kind::kCount:
      break;
  }
  return std::string(kind.noun) + " from " + kind.text(row.least) + " to " + kind.text(row.most) +
         ", such as " + quoted_example(row);
}

std::string_view placeholder_of(SettingKind kind) { return row_of(kind).placeholder; }

std::optional<std::string> set_from_text(const SettingRow& row, SettingField field, std::string_view text) {
  const KindRow& kind = row_of(row.kind);
  if (kind.parse == nullptr) return set_word(row, field, text);
  const std::optional<std::uint64_t> number = kind.parse(text);
  if (!number) return quoted(text) + " is not " + std::string(kind.noun);
  return set_number(row, field, *number);
}

std::optional<std::string> set_from_number(const SettingRow& row, SettingField field, std::uint64_t number) {
  if (row.kind == Kind::kSize || row.kind == Kind::kCount) return set_number(row, field, number);
  return "the number " + std::to_string(number) + " is not " + std::string(row_of(row.kind).noun);
}

std::string text_of(const SettingRow& row, SettingField field) {
  return std::visit(TextOfField{row_of(row.kind)}, field);
}

void copy_field(SettingField from, SettingField to) {
  std::visit([to](auto* value) { *std::get<decltype(value)>(to) = *value; }, from);
}

}  // namespace pannier::daemon
