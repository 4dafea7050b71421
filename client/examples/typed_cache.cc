// A cache with one type for all its keys and one for all its values.
// Usage: typed_cache   (the socket is $PANNIER_SOCKET, or the default)
#include <chrono>
#include <iostream>
#include <string>

#include "pannier/client.h"

namespace {

/// A key of the program's own: any type that MessagePack can express, by its members in this order.
struct Place {
  std::string country;
  int zip = 0;
  MSGPACK_DEFINE(country, zip)
};

struct Weather {
  double celsius = 0;
  std::string sky;
  MSGPACK_DEFINE(celsius, sky)
};

}  // namespace

int main() try {
  using namespace std::chrono_literals;
  pannier::Client client;
  const auto weather = client.cache<Place, Weather>("example:weather");
  weather.open({.tier = pannier::Tier::kTtl, .max_entries = 10'000, .max_age = 15min});

  weather.put({"NO", 9170}, {-11.5, "clear"});
  weather.put({"IS", 101}, {2, "rain"}, {.ttl = 1min});

  if (const auto found = weather.get({"NO", 9170}))
    std::cout << "Longyearbyen: " << found->celsius << " degrees, " << found->sky << "\n";
  std::cout << "Nuuk: " << (weather.get({"GL", 3900}) ? "known" : "a miss") << "\n";

  for (const auto& found : weather.get_many({{"IS", 101}, {"GL", 3900}}))
    std::cout << (found ? found->sky : "unknown") << "\n";
  weather.drop();
  return 0;
} catch (const pannier::Error& error) {
  std::cerr << "typed_cache: " << error.what() << "\n";
  return 1;
}
