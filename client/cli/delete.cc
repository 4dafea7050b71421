// pannier delete
#include <vector>

#include "client/cli/command.h"

namespace pannier::cli {

namespace {

struct Given {
  std::string cache;
  std::vector<std::string> keys;
  EraseOptions options;
};

std::uint64_t count_of_deleted(Session& session, const Given& given) {
  const bool is_conditional = given.options.if_version || given.options.sync;
  if (!is_conditional) return session.client().erase_many(given.cache, given.keys);
  std::uint64_t count = 0;
  for (const auto& key : given.keys) {
    if (session.client().erase(given.cache, key, given.options)) ++count;
  }
  return count;
}

}  // namespace

void add_delete(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.cache(given->cache);
  arguments.required("KEY", given->keys, "The keys, any bytes");
  arguments.count("--if-version", given->options.if_version, "VERSION", "Only if the entry has this version");
  arguments.flag("--sync", given->options.sync, "Wait until it is on disk (tier durable)");
  arguments.help(
      R"(Exit code 1 if none of the keys was there. Prints nothing; with --json, how many were there.

Examples:
  pannier delete lru greeting
  pannier keys lru --prefix user: --null | xargs -0 pannier delete lru --)");
  arguments.run([&session, given] {
    const auto count = count_of_deleted(session, *given);
    session.finish_if(count > 0);
    if (session.json()) session.print_json({{"deleted", count}});
  });
}

}  // namespace pannier::cli
