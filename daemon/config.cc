#include "daemon/config.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include "daemon/config_file.h"
#include "daemon/config_rules.h"
#include "daemon/nearest.h"
#include "daemon/setting.h"
#include "daemon/version.h"
#include "protocol/error.h"

namespace pannier::daemon {
namespace {

using Fault = std::optional<ConfigError>;

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
at start and says who may use it, and [access] says who else may do what. The command line wins over the file;
of an option that is given twice the last counts.

Signals:
  SIGTERM, SIGINT  stop: what is not on disk yet is written first; a second one hurries and skips that
  SIGHUP           read the configuration file again, as `pannier reload` does; the log tells what came of it

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

/// What file and command line say, without defaults that follow from others.
std::variant<ConfigFile, ConfigError> read_as_stated(const CommandLine& line) {
  ConfigFile file;
  if (!line.config_path.empty()) {
    auto read = read_config_file(line.config_path);
    if (auto* error = std::get_if<ConfigError>(&read)) return std::move(*error);
    file = std::get<ConfigFile>(std::move(read));
  }
  if (Fault fault = apply_command_line(line, file)) return *std::move(fault);
  return file;
}

/// Puts what only a restart changes back to what it is now, and notes it.
void keep_until_restart(Config running, Config stated, ConfigFile& file, Reread& again) {
  for (const Setting& setting : all_settings()) {
    if (setting.effect != TakesEffect::kAtRestart) continue;
    const std::string now = text_of(setting, setting.field(running));
    const std::string then = text_of(setting, setting.field(stated));
    copy_field(setting.field(running), setting.field(file.config));
    if (now != then) again.needs_restart.push_back({path_of(setting), now, then});
  }
}

std::vector<std::string> changed_at_once(Config before, Config after) {
  std::vector<std::string> changed;
  for (const Setting& setting : all_settings()) {
    if (setting.effect != TakesEffect::kAtOnce) continue;
    if (text_of(setting, setting.field(before)) != text_of(setting, setting.field(after)))
      changed.push_back(path_of(setting));
  }
  for (std::string& key : changed_lists(before.access, after.access)) changed.push_back(std::move(key));
  return changed;
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

  auto read = read_as_stated(line);
  if (auto* error = std::get_if<ConfigError>(&read)) return std::move(*error);
  auto& file = std::get<ConfigFile>(read);
  if (Fault fault = complete(file)) return *std::move(fault);
  if (line.is_check) return ConfigInfo{"the configuration is right\n"};
  return std::move(file.config);
}

std::variant<Reread, ConfigError> reread_config(const std::vector<std::string>& arguments,
                                                const Config& running) {
  auto parsed = parse_command_line(arguments);
  if (auto* error = std::get_if<ConfigError>(&parsed)) return std::move(*error);
  auto read = read_as_stated(std::get<CommandLine>(parsed));
  if (auto* error = std::get_if<ConfigError>(&read)) return std::move(*error);
  auto& file = std::get<ConfigFile>(read);
  ConfigFile whole = file;
  if (Fault fault = complete(whole)) return *std::move(fault);
  Reread again;
  keep_until_restart(running, whole.config, file, again);
  if (Fault fault = complete(file)) {
    return ConfigError{std::move(fault->text) + ". It is right after a restart, which changes the other too"};
  }
  again.changed = changed_at_once(running, file.config);
  again.config = std::move(file.config);
  again.origins = std::move(file.origins);
  return again;
}

}  // namespace pannier::daemon
