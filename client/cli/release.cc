// pannier release

#include "client/cli/command.h"

namespace pannier::cli {

namespace {

struct Given {
  KeyArguments where;
  Token token = 0;
};

}  // namespace

void add_release(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.cache_and_key(given->where);
  arguments.required("TOKEN", given->token, "The lease's token");
  arguments.help(R"(Whoever waits next gets the lease. Exit code 1 if the token was not the key's lease.

Example:
  pannier release lru report:7 4711)");
  arguments.run([&session, given] {
    const bool was_held = session.client().release(given->where.cache, given->where.key, given->token);
    session.finish_if(was_held);
    if (session.json()) session.print_json({{"released", was_held}});
  });
}

}  // namespace pannier::cli
