// Many requests at once on the program's own libuv loop, which goes on with other things meanwhile.
// Usage: async [COUNT]   (the socket is $PANNIER_SOCKET, or the default)
#include "pannier/async.h"

#include <uv.h>

#include <cstdlib>
#include <iostream>
#include <string>

namespace {

struct Squares {
  pannier::AsyncClient client{uv_default_loop()};
  int count;
  int missing = count;
  long sum = 0;

  static std::string key_of(int n) { return "example:square:" + std::to_string(n); }

  void store_all() {
    for (int n = 0; n < count; ++n) {
      client.put("lru", key_of(n), n * n).then([this](const auto& version) {
        if (!version.ok()) return explain(version.error());
        if (--missing == 0) add_all();
      });
    }
  }

  void add_all() {
    for (int n = 0; n < count; ++n) {
      client.get<int>("lru", key_of(n)).then([this](const auto& square) {
        if (!square.ok()) return explain(square.error());
        sum += square.value().value_or(0);
      });
    }
  }

  static void explain(const std::exception_ptr& error) try {
    std::rethrow_exception(error);
  } catch (const pannier::Error& what) {
    std::cerr << "async: " << what.what() << "\n";
  }
};

}  // namespace

int main(int argc, char** argv) {
  Squares squares{.count = argc > 1 ? std::atoi(argv[1]) : 1000};
  squares.store_all();
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);  // until nothing is in flight
  std::cout << "the sum of " << squares.count << " squares is " << squares.sum << "\n";
  return squares.sum > 0 ? 0 : 1;
}
