// pannier reload
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "client/cli/command.h"
#include "client/cli/json_value.h"
#include "protocol/cursor.h"

namespace pannier::cli {

namespace {

using protocol::Cursor;

template <class T>
T told(std::optional<T> field) {
  if (!field) throw ProtocolError("the daemon's answer to reload is of another form");
  return *std::move(field);
}

std::string restart_line(Cursor& fields) {
  std::string key;
  std::string now;
  std::string then;
  for (auto left = told(fields.read_map()); left > 0; --left) {
    const auto name = told(fields.read_string());
    Cursor value(told(fields.read_object()));
    if (name == "key") key = told(value.read_string());
    if (name == "now") now = told(value.read_string());
    if (name == "then") then = told(value.read_string());
  }
  return "needs a restart: " + key + " (" + (now.empty() ? "not set" : now) + " until then, " +
         (then.empty() ? "not set" : then) + " after it)";
}

void print_list(Session& session, std::string_view name, Cursor& list) {
  for (auto left = told(list.read_array()); left > 0; --left) {
    if (name == "needs_restart") session.print_line(restart_line(list));
    if (name == "applied") session.print_line("in force: " + std::string(told(list.read_string())));
    if (name == "notes") session.print_line("note: " + std::string(told(list.read_string())));
  }
}

void reload(Session& session) {
  const std::string answer = session.client().call("reload", "\x90");
  if (session.json()) return session.print_json(to_json(answer));
  Cursor fields(answer);
  for (auto left = told(fields.read_map()); left > 0; --left) {
    const auto name = told(fields.read_string());
    Cursor list(told(fields.read_object()));
    print_list(session, name, list);
  }
}

}  // namespace

void add_reload(Arguments& arguments, Session& session) {
  arguments.help(
      R"(Ends when what the file says is in force. Prints what is new, and what only a restart changes.
If something in the file is wrong, it says what and where, nothing is changed, and the exit code is 3.
As long as the configuration does not name others, root and the daemon's own user may do this.

Example:
  pannier reload)");
  arguments.run([&session] { reload(session); });
}

}  // namespace pannier::cli
