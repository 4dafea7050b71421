// pannier watch
#include <vector>

#include "client/cli/command.h"
#include "client/cli/json_value.h"

namespace pannier::cli {

namespace {

using Clock = std::chrono::steady_clock;

struct Given {
  std::vector<std::string> caches;
  std::string prefix;
  std::optional<std::uint64_t> count;
  std::optional<std::chrono::milliseconds> duration;
};

JsonText keys_json(const Invalidation& change) {
  if (!change.keys) return nullptr;
  std::vector<JsonText> keys;
  for (const auto& key : *change.keys) keys.push_back(key_json(key));
  return JsonText::array(keys);
}

void print_change(Session& session, const Invalidation& change) {
  if (session.json()) {
    return session.print_json({{"cache", JsonText::string(change.cache)},
                               {"sequence", change.sequence},
                               {"keys", keys_json(change)}});
  }
  if (!change.keys) return session.print_line(change.cache + " *");
  for (const auto& key : *change.keys) session.print_line(change.cache + " = " + key);
}

void watch(Session& session, const Given& given) {
  const SubscribeOptions options{.prefix = given.prefix};
  auto subscription = session.client().subscribe(given.caches.front(), options);
  for (std::size_t i = 1; i < given.caches.size(); ++i) subscription.add(given.caches[i], options);

  const auto forever = std::chrono::hours(24 * 365);
  const auto end = Clock::now() + given.duration.value_or(forever);
  for (std::uint64_t seen = 0; !given.count || seen < *given.count;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    const auto change = subscription.next(left);
    if (!change) return session.finish_if(!given.count);
    print_change(session, *change);
    session.flush();
    ++seen;
  }
}

}  // namespace

void add_watch(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.required("CACHE", given->caches, "The caches to watch");
  arguments.text("--prefix", given->prefix, "PREFIX", "Only keys that begin with it");
  arguments.count("--count", given->count, "COUNT", "End after so many changes [never]");
  arguments.duration("--for", given->duration, "End after this time [never]");
  arguments.help(
      R"(A line a change: `CACHE = KEY` for a key that was written, deleted, expired or evicted; `CACHE *` when all
keys may have changed. With --json {"cache": NAME, "sequence": NUMBER, "keys": [KEY...] or null}.
Exit code 1 if --for ended it before --count.

Example:
  pannier watch lru --prefix user:)");
  arguments.run([&session, given] { watch(session, *given); });
}

}  // namespace pannier::cli
