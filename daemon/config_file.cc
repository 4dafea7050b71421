#include "daemon/config_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/account.h"
#include "daemon/nearest.h"
#include "daemon/owned_fd.h"
#include "daemon/params.h"
#include "daemon/quantity.h"
#include "daemon/setting.h"
#include "protocol/error.h"

namespace pannier::daemon {
namespace {

constexpr std::uint64_t kTtlAgeMsDefault = 60'000;
/// Enough for as many caches as there may be, with long lists of users for each.
constexpr std::size_t kFileBytesMax = std::size_t{8} << 20;

/// Lists of users and groups; they are no options of the command line.
constexpr std::array<std::string_view, 4> kAccessKeys = {"admins", "operators", "readers", "writers"};
constexpr std::array<std::string_view, 2> kCacheAccessKeys = {"readers", "writers"};

bool is_one_of(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

std::string join(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) joined.append(joined.empty() ? "" : ", ").append(word);
  return joined;
}

template <typename Row>
std::vector<std::string> keys_of(std::span<const Row> rows, std::string_view section) {
  std::vector<std::string> keys;
  for (const Row& row : rows) {
    if (row.section == section) keys.emplace_back(row.key);
  }
  return keys;
}

/// Where a key belongs that stands elsewhere.
std::string home_of(const SettingRow& row) {
  if (row.section.empty()) return "of the top of the file: it has to stand before the first section";
  return "of [" + std::string(row.section) + "]";
}

/// What a TOML value is, for error texts.
std::string type_text(const toml::node& node) {
  std::ostringstream text;
  text << node.type();
  return text.str();
}

class FileReader {
 public:
  explicit FileReader(const std::string& path) : path_(path) { file_.config.file_path = path; }

  /// What the file says, or all that is wrong with it, in the order of its lines.
  std::variant<ConfigFile, ConfigError> read(const toml::table& root) {
    for (const auto& [key, node] : root) read_at_top(key, node);
    if (mistakes_.empty()) return std::move(file_);
    std::ranges::stable_sort(mistakes_, {}, &Mistake::line);
    ConfigError error;
    for (Mistake& mistake : mistakes_) {
      (error.text.empty() ? error.text : error.others.emplace_back()) = std::move(mistake.text);
    }
    return error;
  }

 private:
  struct Mistake {
    std::uint32_t line;
    std::string text;
  };

  std::string place(const toml::key& key, const std::string& key_path) const {
    return path_ + ":" + std::to_string(key.source().begin.line) + ": key " + protocol::quoted(key_path);
  }
  void mistaken(const toml::key& key, const std::string& key_path, const std::string& text) {
    mistakes_.push_back({key.source().begin.line, place(key, key_path) + ": " + text});
  }
  void unknown(const toml::key& key, const std::string& key_path, const std::vector<std::string>& known,
               const std::string& where) {
    for (const Setting& setting : all_settings()) {
      if (setting.key == key.str())
        return mistaken(key, key_path, "is no key of this section, but " + home_of(setting));
    }
    const std::optional<std::string> near = nearest(key.str(), known);
    mistaken(key, key_path,
             "unknown" + (near ? "; did you mean " + protocol::quoted(*near) + "?" : "") + " " + where +
                 ": " + join(known));
  }

  void read_at_top(const toml::key& key, const toml::node& node) {
    const std::string name(key.str());
    std::vector<std::string> sections = {"access", "limits", "durable", "cache"};
    if (std::find(sections.begin(), sections.end(), name) == sections.end()) {
      std::vector<std::string> known = keys_of(all_settings(), "");
      known.insert(known.end(), sections.begin(), sections.end());
      return read_setting(key, node, "", known);
    }
    const toml::table* const section = node.as_table();
    if (section == nullptr) return mistaken(key, name, "is a section: write [" + name + "]");
    if (name == "access") return read_access(*section);
    return name == "cache" ? read_caches(*section) : read_section(*section, name);
  }

  void read_access(const toml::table& section) {
    Access& access = file_.config.access;
    for (const auto& [key, node] : section) {
      const std::string key_path = "access." + std::string(key.str());
      AccessList list;
      if (!is_one_of(kAccessKeys, key.str())) {
        unknown(key, key_path, {kAccessKeys.begin(), kAccessKeys.end()}, "Known in [access]");
        continue;
      }
      read_accounts(key, key_path, node, list);
      if (key.str() == "admins") access.admins = list;
      if (key.str() == "operators") access.operators = list;
      if (key.str() == "readers") access.readers = list;
      if (key.str() == "writers") access.writers = list;
    }
  }

  void read_accounts(const toml::key& key, const std::string& key_path, const toml::node& node,
                     AccessList& list) {
    constexpr const char* kWanted =
        "; right is an array of users, groups with @ before, and \"*\" for everybody, such as [\"alice\", "
        "\"@staff\"]";
    const toml::array* const entries = node.as_array();
    if (entries == nullptr)
      return mistaken(key, key_path, "the " + type_text(node) + " is wrong here" + kWanted);
    for (const toml::node& entry : *entries) {
      const auto name = entry.value_exact<std::string>();
      const auto wrong = name ? add_account(list, *name) : "the " + type_text(entry) + " in it is wrong";
      if (wrong) mistaken(key, key_path, *wrong + kWanted);
    }
  }

  void read_section(const toml::table& section, const std::string& name) {
    for (const auto& [key, node] : section) read_setting(key, node, name, keys_of(all_settings(), name));
  }

  void read_setting(const toml::key& key, const toml::node& node, std::string_view section,
                    const std::vector<std::string>& known) {
    const std::string key_path = (section.empty() ? "" : std::string(section) + ".") + std::string(key.str());
    for (const Setting& setting : all_settings()) {
      if (setting.section != section || setting.key != key.str()) continue;
      file_.origins[key_path] = place(key, key_path);
      return read_value(key, key_path, node, setting, setting.field(file_.config));
    }
    const std::string where =
        section.empty() ? "Known at the top" : "Known in [" + std::string(section) + "]";
    unknown(key, key_path, known, where);
  }

  void read_value(const toml::key& key, const std::string& key_path, const toml::node& node,
                  const SettingRow& row, SettingField field) {
    std::optional<std::string> wrong;
    if (const auto text = node.value_exact<std::string>()) {
      wrong = set_from_text(row, field, *text);
    } else if (const auto number = node.value_exact<std::int64_t>(); number && *number >= 0) {
      wrong = set_from_number(row, field, static_cast<std::uint64_t>(*number));
    } else {
      wrong = number ? std::to_string(*number) + " is negative" : "the " + type_text(node) + " is wrong here";
    }
    if (wrong) mistaken(key, key_path, *wrong + "; right is " + wanted_text(row));
  }

  void read_caches(const toml::table& caches) {
    for (const auto& [key, node] : caches) {
      const std::string key_path = "cache." + std::string(key.str());
      const toml::table* const section = node.as_table();
      if (!is_cache_name(key.str())) {
        mistaken(key, key_path, "the name of a cache is 1 to 255 bytes of printable ASCII");
      } else if (section == nullptr) {
        mistaken(key, key_path, "is a section: write [" + key_path + "]");
      } else {
        read_cache(key, key_path, *section);
      }
    }
  }

  void read_cache(const toml::key& name, const std::string& section_path, const toml::table& section) {
    storage::Settings settings;
    const std::optional<storage::Tier> own_tier = storage::tier_named(name.str());
    if (own_tier) settings.tier = *own_tier;
    if (own_tier == storage::Tier::kTtl) settings.age_ms_max = kTtlAgeMsDefault;
    CacheAccess access;
    const std::size_t mistakes_before = mistakes_.size();
    for (const auto& [key, node] : section) {
      if (is_one_of(kCacheAccessKeys, key.str())) {
        std::optional<AccessList>& list = key.str() == "readers" ? access.readers : access.writers;
        list.emplace();
        read_accounts(key, section_path + "." + std::string(key.str()), node, *list);
      } else {
        read_cache_setting(key, section_path, node, settings);
      }
    }
    // Whether they go together can be told of those alone that are right by themselves.
    if (mistakes_.size() > mistakes_before) return;
    if (!own_tier && !section.contains("tier")) {
      return mistaken(name, section_path, "lacks the key tier: one of " + storage::tier_names());
    }
    if (own_tier && settings.tier != *own_tier) {
      return mistaken(name, section_path,
                      "the cache that is named as a tier is of that tier: leave tier out");
    }
    if (const auto wrong = storage::fault_of(settings)) {
      return mistaken_cache(name, section_path, section, wrong->text);
    }
    file_.origins[section_path] = place(name, section_path);
    file_.config.caches[std::string(name.str())] = settings;
    if (access.readers || access.writers) file_.config.access.caches[std::string(name.str())] = access;
  }

  /// `text` starts with the name that the setting has on the wire, which may have a unit behind it
  /// ("max_age_ms").
  void mistaken_cache(const toml::key& name, const std::string& section_path, const toml::table& section,
                      const std::string& text) {
    const std::string wire_name = text.substr(0, text.find_first_of(" :"));
    for (const CacheSetting& setting : all_cache_settings()) {
      const std::string own_name(setting.key);
      if (wire_name != own_name && wire_name != own_name + "_ms" && wire_name != own_name + "_bytes")
        continue;
      const std::string own_text = own_name + text.substr(wire_name.size());
      const auto found = section.find(own_name);
      if (found == section.end()) return mistaken(name, section_path, own_text);
      std::string path = section_path + ".";
      return mistaken(found->first, path += own_name, own_text);
    }
    mistaken(name, section_path, text);
  }

  void read_cache_setting(const toml::key& key, const std::string& section_path, const toml::node& node,
                          storage::Settings& settings) {
    const std::string key_path = section_path + "." + std::string(key.str());
    for (const CacheSetting& setting : all_cache_settings()) {
      if (setting.key == key.str()) return read_value(key, key_path, node, setting, setting.field(settings));
    }
    std::vector<std::string> known = keys_of(all_cache_settings(), "cache.NAME");
    known.insert(known.end(), kCacheAccessKeys.begin(), kCacheAccessKeys.end());
    unknown(key, key_path, known, "Known in [cache.NAME]");
  }

  const std::string& path_;
  ConfigFile file_;
  std::vector<Mistake> mistakes_;
};

struct Unreadable {
  std::string why;
};

Unreadable unreadable(int code) { return {std::generic_category().message(code)}; }

std::variant<std::string, Unreadable> content_of(const std::string& path) {
  // A FIFO is not waited for: nobody may ever write to it.
  const OwnedFd file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status;
  if (!file.is_open() || fstat(file.get(), &status) != 0) return unreadable(errno);
  if (S_ISDIR(status.st_mode)) return unreadable(EISDIR);
  if (!S_ISREG(status.st_mode)) return Unreadable{"it is no regular file, which could be read again"};
  std::string text;
  std::array<char, 65'536> part;
  while (text.size() <= kFileBytesMax) {
    const ssize_t size = ::read(file.get(), part.data(), part.size());
    if (size < 0) return unreadable(errno);
    if (size == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(size));
  }
  return Unreadable{"it is larger than " + size_text(kFileBytesMax) + ", and so can be no configuration"};
}

}  // namespace

std::variant<ConfigFile, ConfigError> parse_config(std::string_view text, const std::string& path) {
  try {
    return FileReader(path).read(toml::parse(text, path));
  } catch (const toml::parse_error& error) {
    return ConfigError{path + ":" + std::to_string(error.source().begin.line) +
                       ": is not TOML: " + std::string(error.description())};
  }
}

std::variant<ConfigFile, ConfigError> read_config_file(const std::string& path) {
  // Errors go to clients, too, whose texts are valid UTF-8.
  const std::string shown = protocol::is_utf8(path) ? path : protocol::quoted(path);
  const auto text = content_of(path);
  if (const auto* fault = std::get_if<Unreadable>(&text)) {
    return ConfigError{"cannot read the configuration file " + shown + ": " + fault->why +
                       ". It is named by --config"};
  }
  return parse_config(std::get<std::string>(text), shown);
}

}  // namespace pannier::daemon
