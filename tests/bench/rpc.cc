#include "tests/bench/rpc.h"

#include <stdexcept>
#include <variant>

#include "protocol/cursor.h"
#include "protocol/message.h"
#include "tests/bench/dialect.h"

namespace pannier::bench {

bool Rpc::receive(std::string& result) {
  for (;;) {
    const auto outcome = scanner_.scan(input_);
    if (std::holds_alternative<protocol::Error>(outcome)) throw std::runtime_error("no MessagePack");
    if (const auto* end = std::get_if<protocol::FrameEnd>(&outcome)) {
      const auto message =
          protocol::read_message(std::string_view(input_).substr(0, end->size), protocol::Sender::kServer);
      const auto& response = std::get<protocol::Response>(message);
      protocol::Cursor error(response.error);
      const bool is_good = error.read_nil();
      if (!is_good) refusal_ = error.read_string().value_or("an error");
      result = response.result;
      input_.erase(0, end->size);
      return is_good;
    }
    socket_.receive(input_);
  }
}

std::string Rpc::ask(std::string_view method, std::string_view params) {
  std::string result;
  send(pannier_request(method, params));
  if (!receive(result)) throw std::runtime_error(std::string(method) + ": " + refusal_);
  return result;
}

void sync_durable(const Server& server) { Rpc(server).ask("sync", "\x90"); }

}  // namespace pannier::bench
