// pannier clear

#include "client/cli/command.h"
#include "client/cli/human.h"

namespace pannier::cli {

namespace {

struct Given {
  std::string cache;
  std::string prefix;
};

}  // namespace

void add_clear(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.cache(given->cache);
  arguments.text("--prefix", given->prefix, "PREFIX", "Only keys that begin with it");
  arguments.help(R"(Prints how many entries went.

Example:
  pannier clear lru --prefix user:)");
  arguments.run([&session, given] {
    const auto count = session.client().clear(given->cache, given->prefix);
    if (session.json()) {
      session.print_json({{"cleared", count}});
    } else {
      session.print_line(std::to_string(count));
    }
  });
}

}  // namespace pannier::cli
