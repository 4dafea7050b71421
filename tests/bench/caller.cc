#include "tests/bench/caller.h"

#include <optional>

namespace pannier::bench {

std::string_view Caller::ask(std::string_view request) {
  input_.clear();
  socket_.send(request);
  std::optional<std::size_t> size;
  while (!size) {
    socket_.receive(input_);
    size = scanner_.scan(input_);
  }
  check_reply(peer_, input_);
  return input_;
}

}  // namespace pannier::bench
