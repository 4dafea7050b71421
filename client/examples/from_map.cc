// From a map in each worker to a cache for all of them: the programs of client/MIGRATING.md.
// Usage: from_map   (the socket is $PANNIER_SOCKET, or the default)
#include <chrono>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <unordered_map>

#include "pannier/memoize.h"

namespace {

using namespace std::chrono_literals;

std::string query(std::uint64_t user) {
  std::cout << "query\n";
  return "user " + std::to_string(user);
}

std::unordered_map<std::uint64_t, std::string> names;  // one in each worker

std::string name_of(std::uint64_t user) {
  const auto found = names.find(user);
  if (found != names.end()) return found->second;
  return names.emplace(user, query(user)).first->second;
}

void before() { std::cout << name_of(7) << ", " << name_of(7) << "\n"; }

void after() {
  pannier::Client client;
  const auto name_of = pannier::memoize(client.cache("name_of"), query,
                                        {.ttl = 1h, .open = pannier::CacheSettings{.max_entries = 10'000}});
  std::cout << name_of(7) << ", " << name_of(7) << "\n";

  // Or without a function, with the types of the map.
  const auto users = client.cache<std::uint64_t, std::string>("users");
  users.open({.max_entries = 10'000});
  users.put_many(names);
  users.put(8, "Ada", {.ttl = 5min});
  const std::optional<std::string> user = users.get(8);
  std::cout << user.value_or("nobody") << ", " << users.get(9).value_or("nobody") << "\n";
}

}  // namespace

int main() try {
  before();
  after();
  return 0;
} catch (const pannier::Error& error) {
  std::cerr << "from_map: " << error.what() << "\n";
  return 1;
}
