// pannier incr

#include "client/cli/command.h"

namespace pannier::cli {

namespace {

struct Given {
  KeyArguments where;
  std::int64_t delta = 1;
  IncrementOptions options;
};

}  // namespace

void add_incr(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.cache_and_key(given->where);
  arguments.optional("DELTA", given->delta, "What to add, 64-bit signed");
  arguments.integer("--initial", given->options.initial, "What a key that is not there counts as [0]");
  arguments.ttl(given->options.ttl);
  arguments.help(R"(Prints the sum. Without --ttl an entry keeps its deadline.

Examples:
  pannier incr lru visits
  pannier incr lru stock -5 --initial 100)");
  arguments.run([&session, given] {
    const auto sum =
        session.client().increment(given->where.cache, given->where.key, given->delta, given->options);
    if (session.json()) {
      session.print_json({{"value", sum}});
    } else {
      session.print_line(std::to_string(sum));
    }
  });
}

}  // namespace pannier::cli
