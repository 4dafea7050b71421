#include "daemon/config_rules.h"

#include <algorithm>
#include <set>
#include <string>

#include "daemon/quantity.h"
#include "daemon/socket_file.h"
#include "protocol/error.h"

namespace pannier::daemon {
namespace {

using Fault = std::optional<ConfigError>;

/// What a message has beside its largest value: method, cache, key and options.
constexpr std::uint64_t kMessageSlackBytes = std::uint64_t{128} << 10;
/// What max_frame and max_reply may be set to at most.
constexpr std::uint64_t kMessageBytesMax = std::uint64_t{1} << 30;

// -- defaults that follow other settings

void set_defaults(ConfigFile& file) {
  const auto is_set = [&file](const char* key) { return file.origins.contains(key); };
  ClientLimits& limits = file.config.limits;
  DurableOptions& durable = file.config.durable;
  std::size_t& frame_bytes_max = limits.frame.frame_bytes_max;
  if (is_set("limits.max_frame") && !is_set("limits.max_value")) {
    limits.value_bytes_max = std::min(limits.value_bytes_max, frame_bytes_max / 2);
  }
  const std::uint64_t two_values = std::min(2 * limits.value_bytes_max, kMessageBytesMax);
  if (!is_set("limits.max_frame")) frame_bytes_max = std::max<std::size_t>(frame_bytes_max, two_values);
  if (!is_set("limits.max_reply")) limits.reply_bytes_max = std::max(limits.reply_bytes_max, two_values);
  if (!is_set("limits.max_buffers")) {
    limits.buffer_bytes_max =
        std::max(limits.buffer_bytes_max, 4 * std::max(frame_bytes_max, limits.reply_bytes_max));
  }
  const std::uint64_t largest = std::max<std::uint64_t>(frame_bytes_max, limits.reply_bytes_max);
  if (!is_set("limits.max_user_buffers"))
    limits.user_buffer_bytes_max = std::max(limits.buffer_bytes_max / 2, 2 * largest);
  // So that no user can keep the others out.
  if (!is_set("limits.max_user_connections"))
    limits.user_connections_max = limits.connections_max - limits.connections_max / 4;
  durable.is_dirty_bytes_max_set = durable.dirty_bytes_max.has_value();
  if (!durable.dirty_bytes_max) durable.dirty_bytes_max = file.config.memory_bytes_max / 4;
  if (!is_set("durable.checkpoint_bytes")) {
    durable.checkpoint_dirty_bytes = std::min(durable.checkpoint_dirty_bytes, *durable.dirty_bytes_max / 2);
  }
}

// -- settings that must go together

/// `key` with what it is set to, and where: for error texts.
struct Named {
  std::string key;
  std::uint64_t bytes;
};

std::string origin_of(const ConfigFile& file, const std::string& key) {
  const auto found = file.origins.find(key);
  return found == file.origins.end() ? "the default of " + protocol::quoted(key) : found->second;
}

/// A fault unless `small` and `more_bytes` fit into `large`.
Fault fault_of_order(const ConfigFile& file, const Named& small, std::uint64_t more_bytes,
                     const Named& large) {
  if (small.bytes + more_bytes <= large.bytes) return std::nullopt;
  const bool blames_small = file.origins.contains(small.key);
  const std::string why = small.key + " of " + size_text(small.bytes) +
                          (more_bytes > 0 ? " and " + size_text(more_bytes) + " beside it" : "") +
                          " must fit into " + large.key + " of " + size_text(large.bytes);
  return ConfigError{origin_of(file, blames_small ? small.key : large.key) + ": " + why +
                     ": lower the one or raise the other"};
}

Fault fault_of_limits(const ConfigFile& file) {
  const ClientLimits& limits = file.config.limits;
  const Named value{"limits.max_value", limits.value_bytes_max};
  const Named frame{"limits.max_frame", limits.frame.frame_bytes_max};
  const Named reply{"limits.max_reply", limits.reply_bytes_max};
  const Named buffers{"limits.max_buffers", limits.buffer_bytes_max};
  if (Fault fault = fault_of_order(file, value, kMessageSlackBytes, frame)) return fault;
  if (Fault fault = fault_of_order(file, value, kMessageSlackBytes, reply)) return fault;
  // A message is in a buffer that was doubled until it fit.
  if (Fault fault = fault_of_order(file, frame, frame.bytes, buffers)) return fault;
  if (Fault fault = fault_of_order(file, reply, reply.bytes, buffers)) return fault;
  const Named user{"limits.max_user_buffers", limits.user_buffer_bytes_max};
  if (Fault fault = fault_of_order(file, frame, frame.bytes, user)) return fault;
  if (Fault fault = fault_of_order(file, reply, reply.bytes, user)) return fault;
  return fault_of_order(file, {"limits.max_unsent", limits.unsent_bytes_max}, 0, user);
}

Fault fault_of_durable(const ConfigFile& file) {
  const DurableOptions& durable = file.config.durable;
  const Named dirty{"durable.max_dirty", *durable.dirty_bytes_max};
  if (Fault fault = fault_of_order(file, dirty, 0, {"memory_limit", file.config.memory_bytes_max}))
    return fault;
  return fault_of_order(file, {"durable.checkpoint_bytes", durable.checkpoint_dirty_bytes}, 0, dirty);
}

Fault fault_of_places(const ConfigFile& file) {
  const std::size_t path_bytes = file.config.socket_path.size();
  if (path_bytes == 0 || path_bytes > kSocketPathBytesMax) {
    return ConfigError{origin_of(file, "socket") + ": a path of 1 to " + std::to_string(kSocketPathBytesMax) +
                       " bytes is right, and this one has " + std::to_string(path_bytes) + ": " +
                       protocol::quoted(file.config.socket_path)};
  }
  if (!file.config.data_dir.empty()) return std::nullopt;
  return ConfigError{origin_of(file, "data_dir") +
                     ": the path of a directory is right, and this one is empty"};
}

Fault fault_of_caches(const ConfigFile& file) {
  std::set<std::string> names = {"lru", "ttl", "durable"};
  for (const auto& [name, settings] : file.config.caches) names.insert(name);
  if (names.size() <= file.config.caches_max) return std::nullopt;
  return ConfigError{origin_of(file, "limits.max_caches") + ": at least " + std::to_string(names.size()) +
                     " is right for the caches of the file with lru, ttl and durable, and this is " +
                     std::to_string(file.config.caches_max)};
}

/// As storage::Catalog::open() would have it, but whatever memory has kept.
Fault fault_of_reservations(const ConfigFile& file) {
  const std::uint64_t most = file.config.memory_bytes_max / 2;
  std::uint64_t left = most;
  for (const auto& [name, settings] : file.config.caches) {
    if (settings.reserved_bytes > left) {
      return ConfigError{origin_of(file, "cache." + name) + ": reserved of " +
                         size_text(settings.reserved_bytes) + " is more than what the others leave, " +
                         size_text(left) + " of half of memory_limit of " +
                         size_text(file.config.memory_bytes_max) + ": lower the one or raise the other"};
    }
    left -= settings.reserved_bytes;
  }
  return std::nullopt;
}

}  // namespace

Fault complete(ConfigFile& file) {
  set_defaults(file);
  if (Fault fault = fault_of_places(file)) return fault;
  if (Fault fault = fault_of_limits(file)) return fault;
  if (Fault fault = fault_of_durable(file)) return fault;
  if (Fault fault = fault_of_caches(file)) return fault;
  return fault_of_reservations(file);
}

}  // namespace pannier::daemon
