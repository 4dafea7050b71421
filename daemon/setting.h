// Setting: one thing that an operator can set. The tables below are all of them; a row serves the command
// line, the file, the help text and the checks, so that a new setting is a new row (and its paragraph in
// pannierd.toml). Not here: the syntax of the command line and of the file (config.cc, config_file.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "daemon/config.h"
#include "storage/settings.h"

namespace pannier::daemon {

enum class SettingKind : std::uint8_t { kText, kLogLevel, kMode, kSize, kDuration, kCount, kTier, kPolicy };

/// Where a value is kept; which of them goes with which kind follows from the tables.
using SettingField = std::variant<std::string*, std::uint32_t*, std::uint64_t*, std::optional<std::uint64_t>*,
                                  storage::Tier*, storage::PolicyKind*>;

/// What is common to a setting of the daemon and one of a cache.
struct SettingRow {
  std::string_view section;  ///< of the file: "" is its top, before any section
  std::string_view key;      ///< in the file; the option is the same with "-" for "_"
  SettingKind kind;
  std::uint64_t least;  ///< of numbers
  std::uint64_t most;
  std::string_view example;  ///< a right value, as it is written
  std::string_view help;
  std::string_view default_text = {};  ///< where the default is no fixed value
};

/// When a setting that was changed in the file is in force: as soon as it was read again (reload.h), or when
/// the daemon is started the next time.
enum class TakesEffect : std::uint8_t { kAtOnce, kAtRestart };

struct Setting : SettingRow {
  SettingField (*field)(Config&);
  TakesEffect effect;
};
struct CacheSetting : SettingRow {
  SettingField (*field)(storage::Settings&);
};

/// In the order of the help text.
std::span<const Setting> all_settings();
/// The keys of a section [cache.NAME].
std::span<const CacheSetting> all_cache_settings();

/// "limits.max_value"; "memory_limit" at the top.
std::string path_of(const SettingRow& row);
/// "--max-value".
std::string option_of(const SettingRow& row);
/// "a size from 1K to 1G, such as \"32M\"".
std::string wanted_text(const SettingRow& row);
/// "SIZE", "DURATION"...: what stands behind the option in the help text.
std::string_view placeholder_of(SettingKind kind);

/// Sets the field from text; nothing if that is well, else what is wrong, as "is no size" or "is above 1G".
std::optional<std::string> set_from_text(const SettingRow& row, SettingField field, std::string_view text);
/// The same from a number without a unit: right for sizes (bytes) and counts alone.
std::optional<std::string> set_from_number(const SettingRow& row, SettingField field, std::uint64_t number);
/// The value as it would be written; empty for none.
std::string text_of(const SettingRow& row, SettingField field);
/// Gives `to` the value that `from` has. Precondition: both are the field of one row.
void copy_field(SettingField from, SettingField to);

}  // namespace pannier::daemon
