// pannier open
#include "client/cli/command.h"

namespace pannier::cli {

namespace {

struct Given {
  std::string cache;
  CacheSettings settings;
};

}  // namespace

void add_open(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  auto& settings = given->settings;
  arguments.cache(given->cache);
  arguments.word(
      "--tier", {kTierNames.begin(), kTierNames.end()}, true,
      [&settings](std::size_t at) { settings.tier = static_cast<Tier>(at); },
      "What kind of cache it is; required");
  arguments.count("--max-entries", settings.max_entries, "COUNT", "At most so many entries");
  arguments.size("--max-bytes", settings.max_bytes, "At most so many bytes");
  arguments.duration("--max-age", settings.max_age, "Entries expire after it (required for tier ttl)");
  arguments.duration("--stale", settings.stale,
                     "How long after its deadline lease may still answer an entry");
  arguments.size("--reserved-bytes", settings.reserved_bytes, "Memory that other caches cannot take");
  arguments.word(
      "--policy", {kPolicyNames.begin(), kPolicyNames.end()}, false,
      [&settings](std::size_t at) { settings.policy = static_cast<Policy>(at); },
      "Which entry goes when it is full [lru]");
  arguments.flag("--alter", settings.alter, "Change bounds and ages of a cache that is there");
  arguments.help(R"(Exit code 0 if it was created, or is there with the same settings; 3 if with others.

Examples:
  pannier open sessions --tier ttl --max-age 30m --max-entries 100000
  pannier open thumbnails --tier lru --max-bytes 64M
  pannier open thumbnails --tier lru --max-bytes 128M --alter)");
  arguments.run([&session, given] {
    const bool is_new = session.client().open(given->cache, given->settings);
    if (session.json()) {
      session.print_json({{"created", is_new}});
    } else {
      session.print_line(is_new ? "created" : "was there");
    }
  });
}

}  // namespace pannier::cli
