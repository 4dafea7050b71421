// pannier touch

#include "client/cli/command.h"

namespace pannier::cli {

namespace {

struct Given {
  KeyArguments where;
  Ttl ttl;
};

}  // namespace

void add_touch(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.cache_and_key(given->where);
  arguments.ttl(given->ttl);
  arguments.help(R"(Without --ttl the cache's own time counts; where it has none, the deadline stays.

Example:
  pannier touch ttl session:7 --ttl 30m)");
  arguments.run([&session, given] {
    const bool is_there = session.client().touch(given->where.cache, given->where.key, given->ttl);
    session.finish_if(is_there);
    if (session.json()) session.print_json({{"touched", is_there}});
  });
}

}  // namespace pannier::cli
