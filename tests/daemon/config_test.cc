#include "daemon/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "daemon/setting.h"
#include "tests/storage/temp_dir.h"

namespace pannier::daemon {
namespace {

using std::string;
using testing::HasSubstr;
using Arguments = std::vector<string>;

Config config_of(const Arguments& arguments) {
  auto read = read_config(arguments);
  if (const auto* error = std::get_if<ConfigError>(&read)) {
    ADD_FAILURE() << error->text;
    return {};
  }
  return std::get<Config>(read);
}

string error_of(const Arguments& arguments) {
  const auto read = read_config(arguments);
  const auto* const error = std::get_if<ConfigError>(&read);
  return error == nullptr ? "" : error->text;
}

string info_of(const Arguments& arguments) {
  const auto read = read_config(arguments);
  const auto* const info = std::get_if<ConfigInfo>(&read);
  return info == nullptr ? "" : info->text;
}

string documented() {
  std::ifstream stream(PANNIER_EXAMPLE_CONFIG);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

class ConfigFileTest : public testing::Test {
 protected:
  /// --config with a file of this content.
  Arguments with(const string& content) {
    std::ofstream(path_) << content;
    return {"--config", path_};
  }
  Arguments with(const string& content, const Arguments& more) {
    Arguments arguments = with(content);
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  string error_in(const string& content) { return error_of(with(content)); }

  test::TempDir dir_;
  string path_ = dir_.file("pannierd.toml");
};

TEST(Config, without_arguments_is_the_defaults) {
  const Config config = config_of({});
  EXPECT_EQ(config.socket_path, "/run/pannier/pannier.sock");
  EXPECT_EQ(config.socket_mode, mode_t{0660});
  EXPECT_EQ(config.memory_bytes_max, std::uint64_t{256} << 20);
  EXPECT_EQ(config.durable.dirty_bytes_max, std::uint64_t{64} << 20);
  EXPECT_TRUE(config.caches.empty());
}

TEST(Config, options_set_what_they_say) {
  const Config config =
      config_of({"--socket", "/tmp/s", "--socket-mode=0600", "--memory-limit", "2G", "--max-lease", "90s",
                 "--checkpoint-interval=250ms", "--max-connections", "7", "--log-level", "debug"});
  EXPECT_EQ(config.socket_path, "/tmp/s");
  EXPECT_EQ(config.socket_mode, mode_t{0600});
  EXPECT_EQ(config.memory_bytes_max, std::uint64_t{2} << 30);
  EXPECT_EQ(config.limits.lease_ms_max, 90'000U);
  EXPECT_EQ(config.durable.checkpoint_interval_ms, 250U);
  EXPECT_EQ(config.limits.connections_max, 7U);
  EXPECT_EQ(config.log_level, "debug");
}

TEST(Config, every_setting_is_in_the_help_text_with_its_default) {
  const string help = info_of({"--help"});
  for (const Setting& setting : all_settings()) {
    EXPECT_THAT(help, HasSubstr(option_of(setting) + " " + string(placeholder_of(setting.kind))));
  }
  EXPECT_THAT(help, HasSubstr("Default: 256M"));
  EXPECT_THAT(help, HasSubstr("pannierd --socket /tmp/pannier.sock"));
  EXPECT_THAT(help, HasSubstr("Exit codes:"));
}

TEST(Config, every_setting_can_be_an_option_and_be_wrong_there) {
  for (const Setting& setting : all_settings()) {
    EXPECT_EQ(error_of({option_of(setting), string(setting.example)}), "") << setting.key;
    if (setting.kind == SettingKind::kText) continue;
    EXPECT_THAT(error_of({option_of(setting), "wrong"}),
                HasSubstr(option_of(setting) + ": \"wrong\" is not"));
    EXPECT_THAT(error_of({option_of(setting), "wrong"}), HasSubstr("right is " + wanted_text(setting)));
  }
}

TEST(Config, numbers_out_of_range_are_refused_with_the_range) {
  for (const Setting& setting : all_settings()) {
    if (setting.least == 0) continue;
    EXPECT_THAT(error_of({option_of(setting), "0"}), HasSubstr("is below")) << setting.key;
    EXPECT_THAT(error_of({option_of(setting), "999999999999999d"}), HasSubstr("is ")) << setting.key;
  }
  EXPECT_THAT(error_of({"--memory-limit", "1023K"}), HasSubstr("1023K is below 1M"));
  EXPECT_THAT(error_of({"--max-value", "2G"}), HasSubstr("2G is above 1G"));
}

TEST(Config, memory_is_limited_to_what_an_arena_can_have) {
  EXPECT_EQ(config_of({"--memory-limit", "64G"}).memory_bytes_max, std::uint64_t{64} << 30);
  EXPECT_EQ(error_of({"--memory-limit", "65G"}),
            "--memory-limit: 65G is above 64G; right is a size from 1M to 64G, such as \"256M\"");
}

TEST(Config, an_arena_can_be_a_file_and_is_none_by_default) {
  EXPECT_EQ(config_of({}).arena_path, "");
  EXPECT_EQ(config_of({"--arena-file", "/dev/shm/arena"}).arena_path, "/dev/shm/arena");
}

TEST(Config, checking_an_arena_is_asked_for_instead_of_a_daemon) {
  const auto read = read_config({"--check-arena", "/dev/shm/arena", "--json"});
  ASSERT_TRUE(std::holds_alternative<CheckArena>(read));
  EXPECT_EQ(std::get<CheckArena>(read).path, "/dev/shm/arena");
  EXPECT_TRUE(std::get<CheckArena>(read).is_json);
  EXPECT_FALSE(std::get<CheckArena>(read_config({"--check-arena=a"})).is_json);
  EXPECT_THAT(error_of({"--json"}), HasSubstr("--json goes with --check-arena"));
}

TEST(Config, a_repair_may_be_asked_for_instead_of_a_daemon) {
  const auto read = read_config({"--repair", "/var/lib/pannier", "--json"});
  ASSERT_TRUE(std::holds_alternative<RepairAsked>(read));
  EXPECT_EQ(std::get<RepairAsked>(read).data_dir, "/var/lib/pannier");
  EXPECT_TRUE(std::get<RepairAsked>(read).is_json);
  EXPECT_FALSE(std::get<RepairAsked>(read_config({"--repair=d"})).is_json);
}

TEST(Config, a_mistyped_option_is_told_with_the_nearest) {
  EXPECT_EQ(error_of({"--memory-limt", "1G"}), "unknown option --memory-limt: did you mean --memory-limit?");
  EXPECT_THAT(error_of({"--zzzzzz=1"}), HasSubstr("unknown option --zzzzzz; pannierd --help"));
  EXPECT_THAT(error_of({"--frob"}), HasSubstr("unknown option --frob; pannierd --help"));
  EXPECT_THAT(error_of({"surplus"}), HasSubstr("unexpected argument \"surplus\""));
  EXPECT_THAT(error_of({"--socket"}), HasSubstr("--socket"));
}

TEST(Config, a_socket_path_over_107_bytes_is_refused) {
  EXPECT_EQ(error_of({"--socket", string(107, 's')}), "");
  EXPECT_THAT(error_of({"--socket", string(108, 's')}),
              HasSubstr("--socket: a path of 1 to 107 bytes is right"));
}

TEST(Config, defaults_follow_what_is_set) {
  const Config small = config_of({"--memory-limit", "4M", "--max-frame", "1M"});
  EXPECT_EQ(small.durable.dirty_bytes_max, std::uint64_t{1} << 20);
  EXPECT_EQ(small.durable.checkpoint_dirty_bytes, std::uint64_t{512} << 10);
  EXPECT_EQ(small.limits.value_bytes_max, std::uint64_t{512} << 10);
  const Config large = config_of({"--max-value", "512M"});
  EXPECT_EQ(large.limits.frame.frame_bytes_max, std::uint64_t{1} << 30);
  EXPECT_EQ(large.limits.reply_bytes_max, std::uint64_t{1} << 30);
  EXPECT_EQ(large.limits.buffer_bytes_max, std::uint64_t{4} << 30);
  EXPECT_EQ(config_of({"--max-value", "800M"}).limits.frame.frame_bytes_max, std::uint64_t{1} << 30)
      << "the most that it can be set to";
}

TEST(Config, limits_that_contradict_each_other_are_refused) {
  EXPECT_THAT(error_of({"--max-value", "8M", "--max-frame", "8M"}),
              HasSubstr("--max-value: limits.max_value of 8M"));
  EXPECT_THAT(error_of({"--max-reply", "1M"}), HasSubstr("--max-reply: limits.max_value of 32M"));
  EXPECT_THAT(error_of({"--max-buffers", "1M"}), HasSubstr("--max-buffers: limits.max_frame of 64M"));
  EXPECT_THAT(error_of({"--max-dirty", "1G"}), HasSubstr("must fit into memory_limit of 256M"));
  EXPECT_THAT(error_of({"--max-dirty", "1M", "--checkpoint-bytes", "2M"}),
              HasSubstr("must fit into durable.max_dirty"));
}

TEST_F(ConfigFileTest, the_file_sets_what_it_says_and_the_command_line_wins) {
  const string content =
      "socket = \"/tmp/file\"\nmemory_limit = \"512M\"\n[limits]\nmax_connections = 10\nmax_value = 1048576\n"
      "[durable]\ncheckpoint_interval = \"1m\"\n";
  const Config config = config_of(with(content, {"--memory-limit", "1G"}));
  EXPECT_EQ(config.socket_path, "/tmp/file");
  EXPECT_EQ(config.memory_bytes_max, std::uint64_t{1} << 30);
  EXPECT_EQ(config.limits.connections_max, 10U);
  EXPECT_EQ(config.limits.value_bytes_max, 1'048'576U);
  EXPECT_EQ(config.durable.checkpoint_interval_ms, 60'000U);
}

TEST_F(ConfigFileTest, caches_are_read_with_all_their_keys) {
  const Config config =
      config_of(with("[cache.pages]\ntier = \"ttl\"\npolicy = \"fifo\"\nmax_entries = 5\nmax_bytes = "
                     "\"1M\"\nmax_age = \"5m\"\n"
                     "stale = \"10s\"\nreserved = \"64K\"\n[cache.ttl]\nmax_entries = 9\n[cache.\"a "
                     "b\"]\ntier = \"durable\"\n"));
  ASSERT_EQ(config.caches.size(), 3U);
  const storage::Settings& pages = config.caches.at("pages");
  EXPECT_EQ(pages.tier, storage::Tier::kTtl);
  EXPECT_EQ(pages.policy, storage::PolicyKind::kFifo);
  EXPECT_EQ(pages.entries_max, 5U);
  EXPECT_EQ(pages.bytes_max, 1'048'576U);
  EXPECT_EQ(pages.age_ms_max, 300'000U);
  EXPECT_EQ(pages.stale_ms, 10'000U);
  EXPECT_EQ(pages.reserved_bytes, 65'536U);
  EXPECT_EQ(config.caches.at("ttl").tier, storage::Tier::kTtl);
  EXPECT_EQ(config.caches.at("ttl").age_ms_max, 60'000U) << "what ttl has unless it is configured";
  EXPECT_EQ(config.caches.at("a b").tier, storage::Tier::kDurable);
}

TEST_F(ConfigFileTest, errors_name_file_line_key_and_what_is_right) {
  EXPECT_EQ(error_in("\n\n[limits]\nmax_value = \"much\"\n"),
            path_ +
                ":4: key \"limits.max_value\": \"much\" is not a size; right is a size from 1K to 1G, such "
                "as \"32M\"");
  EXPECT_EQ(
      error_in("log_level = \"loud\"\n"),
      path_ + ":1: key \"log_level\": \"loud\" is not a level; right is one of debug, info, warning, error");
}

TEST_F(ConfigFileTest, an_unknown_key_is_told_with_the_nearest_and_all_that_are_known) {
  EXPECT_THAT(
      error_in("[limits]\nmax_vlaue = 5\n"),
      HasSubstr(path_ +
                ":2: key \"limits.max_vlaue\": unknown; did you mean \"max_value\"? Known in [limits]: "));
  EXPECT_THAT(error_in("sockte = \"/x\"\n"),
              HasSubstr(":1: key \"sockte\": unknown; did you mean \"socket\"?"));
  EXPECT_THAT(error_in("[limts]\nmax_value = 5\n"), HasSubstr("did you mean \"limits\"?"));
  EXPECT_THAT(error_in("[cache.a]\ntier = \"lru\"\nmax_entry = 1\n"),
              HasSubstr(":3: key \"cache.a.max_entry\": unknown; did you mean \"max_entries\"?"));
}

TEST_F(ConfigFileTest, all_mistakes_are_told_in_the_order_of_their_lines) {
  const auto read = read_config(
      with("socket_mode = \"999\"\n[cache.b]\ntier = \"ttl\"\n[access]\nadmins = [\"@none here\", 7]\n"));
  const auto& error = std::get<ConfigError>(read);
  EXPECT_THAT(error.text, HasSubstr(":1: key \"socket_mode\": "));
  EXPECT_THAT(error.others, testing::ElementsAre(HasSubstr(":2: key \"cache.b\": max_age is missing"),
                                                 HasSubstr(":5: key \"access.admins\": there is no group"),
                                                 HasSubstr(":5: key \"access.admins\": the integer")));
}

TEST_F(ConfigFileTest, a_key_that_stands_in_another_section_is_told_where_it_belongs) {
  EXPECT_EQ(
      error_in("[limits]\nmemory_limit = \"1G\"\n"),
      path_ +
          ":2: key \"limits.memory_limit\": is no key of this section, but of the top of the file: it has "
          "to stand before the first section");
  EXPECT_THAT(error_in("max_keys = 5\n"),
              HasSubstr("key \"max_keys\": is no key of this section, but of [limits]"));
  EXPECT_THAT(error_in("[cache.lru]\nmax_dirty = 5\n"), HasSubstr("but of [durable]"));
}

TEST_F(ConfigFileTest, a_value_of_the_wrong_type_is_told_with_the_type) {
  EXPECT_THAT(error_in("memory_limit = true\n"),
              HasSubstr(":1: key \"memory_limit\": the boolean is wrong here"));
  EXPECT_THAT(error_in("memory_limit = 1.5\n"), HasSubstr("floating-point is wrong here"));
  EXPECT_THAT(error_in("memory_limit = -5\n"), HasSubstr("-5 is negative"));
  EXPECT_THAT(error_in("socket = [\"a\"]\n"), HasSubstr("the array is wrong here"));
  EXPECT_THAT(error_in("socket = 5\n"), HasSubstr("the number 5 is not a text"));
  EXPECT_THAT(error_in("socket_mode = 660\n"), HasSubstr("the number 660 is not an octal mode"));
  EXPECT_THAT(error_in("[durable]\ncheckpoint_interval = 5\n"),
              HasSubstr("right is a duration from 1ms to 1d, such as \"5s\""));
  EXPECT_THAT(error_in("limits = 5\n"), HasSubstr(":1: key \"limits\": is a section: write [limits]"));
  EXPECT_THAT(error_in("[cache]\nlru = 5\n"),
              HasSubstr(":2: key \"cache.lru\": is a section: write [cache.lru]"));
}

TEST_F(ConfigFileTest, settings_that_do_not_suit_a_cache_are_refused) {
  EXPECT_THAT(error_in("[cache.a]\nmax_entries = 1\n"), HasSubstr(":1: key \"cache.a\": lacks the key tier"));
  EXPECT_THAT(error_in("[cache.a]\ntier = \"ttl\"\n"), HasSubstr("max_age"));
  EXPECT_THAT(error_in("[cache.a]\ntier = \"durable\"\nmax_bytes = 5\n"), HasSubstr("max_bytes"));
  EXPECT_THAT(error_in("[cache.lru]\ntier = \"durable\"\n"), HasSubstr("leave tier out"));
  EXPECT_THAT(error_in("[cache.\"\\u00e9\"]\ntier = \"lru\"\n"), HasSubstr("printable ASCII"));
  EXPECT_THAT(error_in("[limits]\nmax_caches = 3\n[cache.a]\ntier = \"lru\"\n"),
              HasSubstr(":2: key \"limits.max_caches\": at least 4 is right"));
}

TEST_F(ConfigFileTest, caches_may_reserve_half_of_the_memory_limit_in_all) {
  const string half = "memory_limit = \"4M\"\n[cache.lru]\nreserved = \"1M\"\n[cache.ttl]\nreserved = ";
  EXPECT_EQ(config_of(with(half + "\"1M\"\n")).caches.size(), 2U);
  EXPECT_THAT(
      error_in(half + "1048577\n"),
      HasSubstr(":4: key \"cache.ttl\": reserved of 1048577 is more than what the others leave, 1M of "
                "half of memory_limit of 4M: lower the one or raise the other"));
}

TEST_F(ConfigFileTest, what_is_not_toml_is_told_with_its_line) {
  EXPECT_THAT(error_in("socket = \"a\"\nsocket = \"b\"\n"), HasSubstr(path_ + ":2: is not TOML: "));
  EXPECT_THAT(error_in("x = [\n"), HasSubstr("is not TOML: "));
  EXPECT_THAT(error_in(string("\x00\xff\xfe", 3)), HasSubstr(path_ + ":1: is not TOML: "));
}

TEST_F(ConfigFileTest, a_file_that_cannot_be_read_is_told_with_the_reason) {
  EXPECT_THAT(error_of({"--config", dir_.file("missing")}), HasSubstr("No such file"));
  EXPECT_THAT(error_of({"--config", dir_.path()}), HasSubstr("Is a directory"));
}

TEST_F(ConfigFileTest, a_path_that_is_no_utf8_makes_no_error_that_is_none) {
  path_ = dir_.file("caf\xe9.toml");
  EXPECT_THAT(error_in("nonsense"), HasSubstr("/caf\\xe9.toml\":1: is not TOML"));
  EXPECT_THAT(error_of({"--config", path_ + "x"}), HasSubstr("/caf\\xe9.tomlx\": No such file"));
}

TEST_F(ConfigFileTest, a_pipe_or_device_is_refused_instead_of_waited_for) {
  const string fifo = dir_.file("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(error_of({"--config", fifo}), HasSubstr("it is no regular file"));
  EXPECT_THAT(error_of({"--config", "/dev/zero"}), HasSubstr("it is no regular file"));
}

TEST_F(ConfigFileTest, a_file_that_is_too_large_for_a_configuration_is_not_read_to_its_end) {
  const Arguments arguments = with("");
  ASSERT_EQ(truncate(path_.c_str(), off_t{1} << 40), 0);
  EXPECT_THAT(error_of(arguments), HasSubstr(path_ + ": it is larger than 8M"));
}

TEST_F(ConfigFileTest, an_empty_file_is_the_defaults) {
  EXPECT_EQ(config_of(with("")).memory_bytes_max, Config().memory_bytes_max);
}

TEST_F(ConfigFileTest, checking_tells_the_mistake_or_that_there_is_none) {
  EXPECT_EQ(info_of(with("memory_limit = \"1G\"\n", {"--check-config"})), "the configuration is right\n");
  EXPECT_NE(error_of(with("memory_limit = 1\n", {"--check-config"})), "");
}

TEST_F(ConfigFileTest, the_documented_file_is_right_and_says_nothing_but_defaults) {
  EXPECT_EQ(error_in(documented()), "");
  // Its keys are commented out: with them in force it still means the defaults.
  const string in_force =
      std::regex_replace(documented().substr(0, documented().find("# A section [cache.NAME]")),
                         std::regex("\n# ([a-z_]+ = |\\[)"), "\n$1");
  Config config = config_of(with(in_force));
  Config defaults = config_of({});
  for (const Setting& setting : all_settings()) {
    EXPECT_EQ(text_of(setting, setting.field(config)), text_of(setting, setting.field(defaults)))
        << setting.key;
  }
}

TEST_F(ConfigFileTest, every_key_is_documented_in_its_section) {
  const string text = documented();
  string section;
  std::set<string> found;
  std::istringstream lines(text);
  const std::regex section_line("# \\[([a-z]+).*\\]");
  const std::regex key_line("# ([a-z_]+) = .*");
  for (string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, section_line))
      section = match[1].str() == "cache" ? "cache.NAME" : match[1].str();
    if (std::regex_match(line, match, key_line)) found.insert(section + "." + match[1].str());
  }
  for (const Setting& setting : all_settings()) {
    EXPECT_TRUE(found.contains(string(setting.section) + "." + string(setting.key))) << setting.key;
  }
  for (const CacheSetting& setting : all_cache_settings())
    EXPECT_TRUE(found.contains("cache.NAME." + string(setting.key)));
  const std::set<string> lists = {"access.admins",  "access.operators",   "access.readers",
                                  "access.writers", "cache.NAME.readers", "cache.NAME.writers"};
  for (const string& list : lists) EXPECT_TRUE(found.contains(list)) << list;
  EXPECT_EQ(found.size(), all_settings().size() + all_cache_settings().size() + lists.size());
}

// -- access

TEST_F(ConfigFileTest, lists_of_users_and_groups_are_read) {
  const Config config =
      config_of(with("[access]\nadmins = [\"root\", \"@root\"]\noperators = [\"7\"]\n"
                     "[cache.a]\ntier = \"lru\"\nreaders = [\"*\"]\nwriters = []\n"));
  EXPECT_EQ(config.access.admins, (AccessList{false, {0}, {0}}));
  EXPECT_EQ(config.access.operators, (AccessList{false, {7}, {}}));
  EXPECT_TRUE(config.access.readers_of("a").is_everybody);
  EXPECT_EQ(config.access.writers_of("a"), AccessList());
  EXPECT_EQ(config.caches.size(), 1U);
}

TEST_F(ConfigFileTest, a_list_that_is_wrong_is_told_with_its_place) {
  EXPECT_THAT(error_in("[access]\n\nadmins = [\"root\", \"rooot\"]\n"),
              HasSubstr(":3: key \"access.admins\": there is no user \"rooot\"; right is an array"));
  EXPECT_THAT(error_in("[access]\nadmins = \"root\"\n"), HasSubstr("the string is wrong here"));
  EXPECT_THAT(error_in("[access]\nadmins = [7]\n"), HasSubstr("the integer in it is wrong"));
  EXPECT_THAT(error_in("[access]\nadmin = []\n"), HasSubstr("did you mean \"admins\"?"));
  EXPECT_THAT(error_in("[cache.a]\ntier = \"lru\"\nreader = []\n"), HasSubstr("did you mean \"readers\"?"));
  EXPECT_THAT(error_in("access = 5\n"), HasSubstr("write [access]"));
}

TEST(Config, limits_of_a_user_follow_those_of_all) {
  EXPECT_EQ(config_of({"--max-connections", "20"}).limits.user_connections_max, 15U);
  EXPECT_EQ(config_of({"--max-connections", "1"}).limits.user_connections_max, 1U);
  EXPECT_EQ(config_of({"--max-buffers", "1G"}).limits.user_buffer_bytes_max, std::uint64_t{512} << 20);
  EXPECT_EQ(config_of({"--max-buffers", "128M"}).limits.user_buffer_bytes_max, std::uint64_t{128} << 20);
  EXPECT_THAT(error_of({"--max-user-buffers", "100M"}), HasSubstr("--max-user-buffers"));
}

// -- read again

class ConfigAgainTest : public ConfigFileTest {
 protected:
  void SetUp() override { running_ = config_of(with("memory_limit = \"64M\"\n[limits]\nmax_keys = 7\n")); }
  /// With the file of this content.
  Reread again(const string& content, const Arguments& more = {}) {
    auto read = reread_config(with(content, more), running_);
    if (const auto* error = std::get_if<ConfigError>(&read)) {
      ADD_FAILURE() << error->text;
      return {};
    }
    return std::get<Reread>(read);
  }

  Config running_;
};

TEST_F(ConfigAgainTest, what_takes_a_restart_stays_and_is_told) {
  const Reread read = again("memory_limit = \"1G\"\nsocket = \"/tmp/other\"\n[limits]\nmax_keys = 7\n");
  EXPECT_EQ(read.config.memory_bytes_max, std::uint64_t{64} << 20);
  EXPECT_EQ(read.config.socket_path, "/run/pannier/pannier.sock");
  ASSERT_EQ(read.needs_restart.size(), 2U);
  EXPECT_EQ(read.needs_restart[0].key, "socket");
  EXPECT_EQ(read.needs_restart[1].now + " " + read.needs_restart[1].then, "64M 1G");
  EXPECT_TRUE(read.changed.empty());
}

TEST_F(ConfigAgainTest, defaults_follow_what_is_in_force_and_not_what_comes_with_a_restart) {
  EXPECT_EQ(again("memory_limit = \"1G\"\n").config.durable.dirty_bytes_max, std::uint64_t{16} << 20);
}

TEST_F(ConfigAgainTest, a_setting_that_is_left_out_goes_back_to_its_default) {
  const Reread read = again("memory_limit = \"64M\"\n");
  EXPECT_EQ(read.changed, std::vector<string>{"limits.max_keys"});
  EXPECT_EQ(read.config.limits.keys_max, 100'000U);
}

TEST_F(ConfigAgainTest, the_command_line_wins_as_before) {
  EXPECT_EQ(again("[limits]\nmax_keys = 9\n", {"--max-keys", "8"}).config.limits.keys_max, 8U);
}

TEST(Config, every_setting_that_takes_a_restart_is_told_to_in_its_paragraph) {
  const string text = documented();
  for (const Setting& setting : all_settings()) {
    const std::size_t line = text.find("\n# " + string(setting.key) + " = ");
    ASSERT_NE(line, string::npos) << setting.key;
    const string paragraph = text.substr(text.rfind("\n\n", line), line - text.rfind("\n\n", line));
    EXPECT_EQ(std::regex_search(paragraph, std::regex("A change takes a\\s+(# )?restart")),
              setting.effect == TakesEffect::kAtRestart)
        << setting.key;
  }
}

}  // namespace
}  // namespace pannier::daemon
