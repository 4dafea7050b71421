// pannier sync

#include "client/cli/command.h"
#include "client/cli/human.h"

namespace pannier::cli {

namespace {

void sync(Session& session, const std::string& cache) {
  const auto result = cache.empty() ? session.client().sync() : session.client().sync(cache);
  const auto duration_ms = static_cast<std::uint64_t>(result.duration.count());
  if (session.json()) {
    session.print_json({{"entries", result.entries}, {"bytes", result.bytes}, {"duration_ms", duration_ms}});
  } else {
    session.print_line("wrote " + human_count(result.entries, "entry", "entries") + ", " +
                       human_bytes(result.bytes) + ", in " + human_duration(duration_ms));
  }
}

}  // namespace

void add_sync(Arguments& arguments, Session& session) {
  const auto cache = std::make_shared<std::string>();
  arguments.optional("CACHE", *cache, "Only this durable cache [all of them]");
  arguments.help(R"(Ends when everything that was stored before is on disk.

Example:
  pannier sync)");
  arguments.run([&session, cache] { sync(session, *cache); });
}

}  // namespace pannier::cli
