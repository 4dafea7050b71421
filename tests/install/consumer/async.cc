// Stores a value and reads it back on a libuv loop, over the socket in $PANNIER_SOCKET. Exit code 0: they
// agree.
#include <pannier/async.h>
#include <uv.h>
#include <iostream>

int main() {
  bool agree = false;
  {
    pannier::AsyncClient client(uv_default_loop());
    client.put("lru", "async", 42).then([](const auto&) {});
    client.get<int>("lru", "async").then([&](const auto& found) {
      agree = found.ok() && found.value() == 42;
    });
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  }
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  std::cout << (agree ? "the loop agrees\n" : "what was read is not what was written\n");
  return agree ? 0 : 1;
}
