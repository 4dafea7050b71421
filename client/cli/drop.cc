// pannier drop

#include "client/cli/command.h"

namespace pannier::cli {

void add_drop(Arguments& arguments, Session& session) {
  const auto cache = std::make_shared<std::string>();
  arguments.cache(*cache);
  arguments.help(R"(A durable cache is gone from disk when this ends.

Example:
  pannier drop sessions)");
  arguments.run([&session, cache] {
    const bool was_there = session.client().drop(*cache);
    session.finish_if(was_there);
    if (session.json()) session.print_json({{"dropped", was_there}});
  });
}

}  // namespace pannier::cli
