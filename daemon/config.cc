#include "daemon/config.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "daemon/config_file.h"
#include "daemon/nearest.h"
#include "daemon/quantity.h"
#include "daemon/setting.h"
#include "daemon/socket_file.h"
#include "daemon/version.h"
#include "protocol/error.h"

namespace pannier::daemon {
namespace {

using Fault = std::optional<ConfigError>;

/// What a message has beside its largest value: method, cache, key and options.
constexpr std::uint64_t kMessageSlackBytes = std::uint64_t{128} << 10;
constexpr std::string_view kUseHelp = "; pannierd --help lists all options";

constexpr const char* kDescription =
    "pannierd: the cache at the side of every process on this host.\n"
    "Runs in the foreground, logs to standard error, and serves clients on a Unix socket.\n";

constexpr const char* kFooter = R"(
Values:
  SIZE      bytes, or with K, M, G, T: 64K, 256M, 1G
  DURATION  with a unit: 500ms, 5s, 1m, 2h, 1d
Every option with a default is a key of the configuration file too, with "_" for "-": those of the group Limits in
its section [limits], those of the group Durable tier in [durable]. A section [cache.NAME] opens a cache
at start. The command line wins over the file; of an option that is given twice the last counts.

Signals:
  SIGTERM, SIGINT  stop: what is not on disk yet is written first; a second one hurries and skips that

Checking an arena:
  --check-arena PATH reads a copy of the memory that a daemon works in, or has left behind, and tells
  whether all of it agrees. PATH is an arena file, or /proc/PID/fd/N of a daemon that runs: the one
  that ls -l shows as pannier-arena. Nothing is changed. While a daemon writes, the copy may be torn, and
  then looks unsound: ask again.
  Exit codes: 0 sound, 1 unsound or unreadable, 2 the command line is wrong.

Repairing the durable tier:
  --repair DIR works on the data directory DIR of a daemon that is stopped. It keeps what is there as
  DIR/durable.before-repair, saves what can be read, and tells for each cache what was saved and what was lost.
  `pannier repair DIR` does the same.
  Exit codes: 0 repaired, 1 not, 2 the command line is wrong.

Exit codes:
  0  stopped cleanly, everything is on disk
  1  could not start, or failed: the last line on standard error says why
  2  the command line or the configuration file is wrong
  3  hurried: entries of the durable tier were not written

Examples:
  pannierd --socket /tmp/pannier.sock --data-dir /tmp/pannier --memory-limit 512M
  pannierd --config /etc/pannier/pannierd.toml --log-level debug
  pannierd --config /etc/pannier/pannierd.toml --check-config
  pannierd --socket /tmp/pannier.sock --data-dir /tmp/pannier --arena-file /dev/shm/pannier.arena
  pannierd --check-arena /dev/shm/pannier.arena
  pannierd --check-arena /proc/4711/fd/5 --json
  pannierd --repair /var/lib/pannier
)";

// -- the command line

struct CommandLine {
  std::string config_path;
  bool is_check = false;
  std::string arena_to_check;
  std::string data_dir_to_repair;
  bool is_json = false;
  std::vector<std::optional<std::string>> values;  // one for each of all_settings()
};

std::string group_of(const SettingRow& row) {
  if (row.section == "limits") return "Limits";
  return row.section == "durable" ? "Durable tier" : "Options";
}

std::string default_text(const Setting& setting) {
  if (!setting.default_text.empty()) return std::string(setting.default_text);
  Config defaults;
  return text_of(setting, setting.field(defaults));
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) names.push_back(option->get_name());
  return names;
}

ConfigError unexpected_argument(const CLI::App& app, const std::string& argument) {
  if (!argument.starts_with("-")) {
    return {"unexpected argument " + protocol::quoted(argument) + ": there are options only" +
            std::string(kUseHelp)};
  }
  const std::string name = argument.substr(0, argument.find('='));
  const std::optional<std::string> near = nearest(name, option_names(app));
  return {"unknown option " + name + (near ? ": did you mean " + *near + "?" : std::string(kUseHelp))};
}

void add_options(CLI::App& app, CommandLine& line) {
  app.get_formatter()->column_width(34);
  app.set_help_flag("-h,--help", "This text.");
  app.set_version_flag("--version", "pannierd " + std::string(program_version()), "The version.");
  app.add_option("--config", line.config_path, "Configuration file (TOML).")->type_name("FILE");
  app.add_flag("--check-config", line.is_check, "Check options and file, and end.");
  app.add_option("--check-arena", line.arena_to_check, "Check an arena: see below.")->type_name("PATH");
  app.add_option("--repair", line.data_dir_to_repair, "Repair the durable tier: see below.")
      ->type_name("DIR");
  app.add_flag("--json", line.is_json, "With --check-arena, --repair: print JSON.");
  line.values.resize(all_settings().size());
  for (std::size_t i = 0; i < all_settings().size(); ++i) {
    const Setting& setting = all_settings()[i];
    const std::string help = std::string(setting.help) + "\nDefault: " + default_text(setting);
    app.add_option(option_of(setting), line.values[i], help)
        ->type_name(std::string(placeholder_of(setting.kind)))
        ->group(group_of(setting))
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  app.footer(kFooter);
  app.allow_extras();
}

std::variant<CommandLine, ConfigInfo, ConfigError> parse_command_line(std::vector<std::string> arguments) {
  CLI::App app(kDescription, "pannierd");
  CommandLine line;
  add_options(app, line);
  // CLI11 takes them from the back.
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return ConfigInfo{app.help()};
  } catch (const CLI::CallForVersion& version) {
    return ConfigInfo{std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    return ConfigError{std::string(error.what()) + std::string(kUseHelp)};
  }
  if (!app.remaining().empty()) return unexpected_argument(app, app.remaining().front());
  return line;
}

Fault apply_command_line(const CommandLine& line, ConfigFile& file) {
  for (std::size_t i = 0; i < line.values.size(); ++i) {
    if (!line.values[i]) continue;
    const Setting& setting = all_settings()[i];
    const auto wrong = set_from_text(setting, setting.field(file.config), *line.values[i]);
    if (wrong) return ConfigError{option_of(setting) + ": " + *wrong + "; right is " + wanted_text(setting)};
    file.origins[path_of(setting)] = option_of(setting);
  }
  return std::nullopt;
}

// -- defaults that follow other settings

void set_defaults(ConfigFile& file) {
  const auto is_set = [&file](const char* key) { return file.origins.contains(key); };
  ClientLimits& limits = file.config.limits;
  DurableOptions& durable = file.config.durable;
  std::size_t& frame_bytes_max = limits.frame.frame_bytes_max;
  if (is_set("limits.max_frame") && !is_set("limits.max_value")) {
    limits.value_bytes_max = std::min(limits.value_bytes_max, frame_bytes_max / 2);
  }
  if (!is_set("limits.max_frame")) frame_bytes_max = std::max(frame_bytes_max, 2 * limits.value_bytes_max);
  if (!is_set("limits.max_reply"))
    limits.reply_bytes_max = std::max(limits.reply_bytes_max, 2 * limits.value_bytes_max);
  if (!is_set("limits.max_buffers")) {
    limits.buffer_bytes_max =
        std::max(limits.buffer_bytes_max, 4 * std::max(frame_bytes_max, limits.reply_bytes_max));
  }
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
  return fault_of_order(file, {"limits.max_unsent", limits.unsent_bytes_max}, 0, buffers);
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

Fault fault_of_whole(const ConfigFile& file) {
  if (Fault fault = fault_of_places(file)) return fault;
  if (Fault fault = fault_of_limits(file)) return fault;
  if (Fault fault = fault_of_durable(file)) return fault;
  if (Fault fault = fault_of_caches(file)) return fault;
  return fault_of_reservations(file);
}

}  // namespace

std::variant<Config, ConfigInfo, CheckArena, RepairAsked, ConfigError> read_config(
    const std::vector<std::string>& arguments) {
  auto parsed = parse_command_line(arguments);
  if (auto* info = std::get_if<ConfigInfo>(&parsed)) return std::move(*info);
  if (auto* error = std::get_if<ConfigError>(&parsed)) return std::move(*error);
  const auto& line = std::get<CommandLine>(parsed);
  if (!line.arena_to_check.empty()) return CheckArena{line.arena_to_check, line.is_json};
  if (!line.data_dir_to_repair.empty()) return RepairAsked{line.data_dir_to_repair, line.is_json};
  if (line.is_json) return ConfigError{"--json goes with --check-arena and --repair" + std::string(kUseHelp)};

  ConfigFile file;
  if (!line.config_path.empty()) {
    auto read = read_config_file(line.config_path);
    if (auto* error = std::get_if<ConfigError>(&read)) return std::move(*error);
    file = std::get<ConfigFile>(std::move(read));
  }
  if (Fault fault = apply_command_line(line, file)) return *std::move(fault);
  set_defaults(file);
  if (Fault fault = fault_of_whole(file)) return *std::move(fault);
  if (line.is_check) return ConfigInfo{"the configuration is right\n"};
  return std::move(file.config);
}

}  // namespace pannier::daemon
