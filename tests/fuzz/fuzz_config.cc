// A configuration file, well formed or not: what can be read is within its ranges and means the same when it
// is written out in full and read again; what cannot be read is one error, short and in valid UTF-8, that
// names the file.
#include "daemon/config_file.h"
#include "daemon/config_rules.h"

#include <string>
#include <variant>

#include "daemon/setting.h"
#include "protocol/error.h"
#include "tests/fuzz/check.h"

namespace {

using namespace pannier;
using namespace pannier::daemon;
using fuzz::check;

constexpr std::size_t kErrorTextBytesMax = 4'096;
const std::string kPath = "/etc/pannier/pannierd.toml";

void check_error(const ConfigError& error) {
  check(error.text.starts_with(kPath), "an error begins with the file");
  check(protocol::is_utf8(error.text), "an error is valid UTF-8");
  check(error.text.size() <= kErrorTextBytesMax, "an error is short");
}

/// A basic string of TOML.
std::string string_text(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string escaped = "\"";
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if (code < 0x20 || code == 0x7f || byte == '"' || byte == '\\') {
      escaped += {'\\', 'u', '0', '0', kDigits[code >> 4], kDigits[code & 15]};
    } else {
      escaped += byte;
    }
  }
  return escaped + "\"";
}

std::string value_text(const SettingRow& row, SettingField field) {
  const std::string text = text_of(row, field);
  return row.kind == SettingKind::kCount ? text : string_text(text);
}

std::string list_text(const char* key, const AccessList& list) {
  std::string text = std::string(key) + " = [";
  if (list.is_everybody) text += "\"*\", ";
  for (const uid_t uid : list.uids) text += string_text(std::to_string(uid)) + ", ";
  for (const gid_t gid : list.gids) text += string_text("@" + std::to_string(gid)) + ", ";
  return text + "]\n";
}

std::string cache_text(const std::string& name, storage::Settings settings, const CacheAccess* access) {
  storage::Settings unset;
  std::string text = "[cache." + string_text(name) + "]\n";
  const bool is_named_as_tier = storage::tier_named(name).has_value();
  for (const CacheSetting& row : all_cache_settings()) {
    if (row.kind == SettingKind::kTier && is_named_as_tier) continue;
    const bool is_default = text_of(row, row.field(settings)) == text_of(row, row.field(unset));
    if (is_default && row.kind != SettingKind::kTier) continue;
    text += std::string(row.key) + " = " + value_text(row, row.field(settings)) + "\n";
  }
  if (access != nullptr && access->readers) text += list_text("readers", *access->readers);
  if (access != nullptr && access->writers) text += list_text("writers", *access->writers);
  return text;
}

/// The file that says all of it.
std::string file_text(Config config) {
  std::string text;
  std::string_view section;
  for (const Setting& row : all_settings()) {
    const std::string value = text_of(row, row.field(config));
    if (value.empty() && row.kind != SettingKind::kText) continue;
    if (row.section != section) text += "[" + std::string(row.section) + "]\n";
    section = row.section;
    text += std::string(row.key) + " = " + value_text(row, row.field(config)) + "\n";
  }
  const Access& access = config.access;
  text += "[access]\n" + list_text("admins", access.admins) + list_text("operators", access.operators) +
          list_text("readers", access.readers);
  if (access.writers) text += list_text("writers", *access.writers);
  for (const auto& [name, settings] : config.caches) {
    const auto found = access.caches.find(name);
    text += cache_text(name, settings, found == access.caches.end() ? nullptr : &found->second);
  }
  return text;
}

void check_same(Config one, Config other) {
  for (const Setting& row : all_settings())
    check(text_of(row, row.field(one)) == text_of(row, row.field(other)), "settings are read again the same");
  check(one.caches == other.caches, "caches are read again the same");
  check(one.access == other.access, "lists of users are read again the same");
}

void check_ranges(Config config) {
  for (const Setting& row : all_settings()) {
    const auto wrong = set_from_text(row, row.field(config), text_of(row, row.field(config)));
    check(!wrong, "a setting is within its range, its default too");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto read = parse_config(fuzz::bytes_of(data, size), kPath);
  if (const auto* error = std::get_if<ConfigError>(&read)) {
    check_error(*error);
    return 0;
  }
  auto& file = std::get<ConfigFile>(read);
  const auto again = parse_config(file_text(file.config), kPath);
  check(std::holds_alternative<ConfigFile>(again), "what was read can be written and read again");
  check_same(file.config, std::get<ConfigFile>(again).config);
  if (const auto error = complete(file)) {
    check(protocol::is_utf8(error->text) && error->text.size() <= kErrorTextBytesMax,
          "an error is short and valid UTF-8");
  } else {
    check_ranges(file.config);
  }
  return 0;
}
