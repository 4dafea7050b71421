#include "client/cli/session.h"

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace pannier::cli {

namespace {

[[noreturn]] void throw_unwritable() {
  throw Failed(ExitCode::kLocal,
               "cannot write to standard output: " + std::generic_category().message(errno));
}

}  // namespace

ClientOptions Session::client_options() const {
  ClientOptions options{.path = options_.socket, .pool_size = 1, .client_name = "pannier"};
  if (options_.timeout) {
    options.connect_timeout = options.request_timeout = options.slow_request_timeout = *options_.timeout;
  }
  return options;
}

Client& Session::client() {
  if (!client_) client_.emplace(client_options());
  return *client_;
}

void Session::print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) throw_unwritable();
}

void Session::flush() {
  if (std::fflush(stdout) != 0) throw_unwritable();
}

void Session::print_line(std::string_view text) { print(std::string(text) + "\n"); }

void Session::print_json(const JsonText& value) { print_line(value.text()); }

void Session::print_json(std::initializer_list<std::pair<const char*, JsonText>> fields) {
  print_json(JsonText::object(fields));
}

}  // namespace pannier::cli
