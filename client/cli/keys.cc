// pannier keys

#include "client/cli/command.h"
#include "client/cli/json_value.h"

namespace pannier::cli {

namespace {

struct Given {
  std::string cache;
  std::string prefix;
  std::optional<std::uint64_t> limit;
  bool ends_with_null = false;
};

void list_keys(Session& session, const Given& given) {
  std::uint64_t count = 0;
  session.client().each_key(given.cache, given.prefix, [&](std::string_view key) {
    if (session.json()) {
      session.print_json({{"key", key_json(key)}});
    } else {
      session.print(std::string(key) + (given.ends_with_null ? '\0' : '\n'));
    }
    return !given.limit || ++count < *given.limit;
  });
}

}  // namespace

void add_keys(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.cache(given->cache);
  arguments.text("--prefix", given->prefix, "PREFIX", "Only keys that begin with it");
  arguments.count("--limit", given->limit, "COUNT", "At most so many keys [all]");
  arguments.flag("-0,--null", given->ends_with_null, "End each key with a zero byte instead of a newline");
  arguments.help(
      R"(A key a line, in no order, as it is. With --json {"key": KEY}; a key that is not UTF-8 is {"$bin": "BASE64"}.

Example:
  pannier keys lru --prefix user: | wc -l)");
  arguments.run([&session, given] { list_keys(session, *given); });
}

}  // namespace pannier::cli
