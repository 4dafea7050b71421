#include "daemon/account.h"

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <charconv>
#include <system_error>
#include <variant>
#include <vector>

#include "protocol/error.h"

namespace pannier::daemon {

namespace {

struct NoSuchName {};
using Id = std::variant<std::uint32_t, NoSuchName, std::error_code>;

std::optional<std::uint32_t> number_in(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  // The highest one means "none" in the calls of the system.
  return is_number && number != Peer::kNobody ? std::optional(number) : std::nullopt;
}

/// Runs getpwnam_r or getgrnam_r with as much memory as it takes.
template <typename Row, typename LookUp, typename IdOf>
Id looked_up(const std::string& name, LookUp look_up, IdOf id_of) {
  std::vector<char> space(1'024);
  while (true) {
    Row row{};
    Row* found = nullptr;
    const int code = look_up(name.c_str(), &row, space.data(), space.size(), &found);
    if (found != nullptr) return std::uint32_t{id_of(row)};
    // Libraries answer some of these for a name that is not there.
    if (code == 0 || code == ENOENT || code == ESRCH || code == EBADF || code == EPERM) return NoSuchName();
    if (code != ERANGE && code != EINTR) return std::error_code(code, std::generic_category());
    if (code == ERANGE) space.resize(space.size() * 2);
  }
}

Id user_id(const std::string& name) {
  return looked_up<passwd>(name, getpwnam_r, [](const passwd& row) { return row.pw_uid; });
}

Id group_id(const std::string& name) {
  return looked_up<group>(name, getgrnam_r, [](const group& row) { return row.gr_gid; });
}

/// The number of a user or group that is named or numbered, or why there is none.
std::variant<std::uint32_t, std::string> number_of(bool is_group, const std::string& name) {
  if (const auto number = number_in(name)) return *number;
  const Id found = is_group ? group_id(name) : user_id(name);
  const std::string what = (is_group ? "group " : "user ") + protocol::quoted(name);
  if (std::holds_alternative<NoSuchName>(found)) return "there is no " + what;
  if (const auto* error = std::get_if<std::error_code>(&found))
    return what + " cannot be looked up: " + error->message();
  return std::get<std::uint32_t>(found);
}

}  // namespace

std::variant<gid_t, std::string> group_number(const std::string& written) { return number_of(true, written); }

std::optional<std::string> add_account(AccessList& list, std::string_view written) {
  if (written == "*") {
    list.is_everybody = true;
    return std::nullopt;
  }
  const bool is_group = written.starts_with("@");
  const std::string name(written.substr(is_group ? 1 : 0));
  if (name.empty()) return protocol::quoted(written) + " names nobody";
  const auto found = number_of(is_group, name);
  if (const auto* wrong = std::get_if<std::string>(&found)) return *wrong;
  const std::uint32_t id = std::get<std::uint32_t>(found);
  is_group ? list.gids.push_back(id) : list.uids.push_back(id);
  return std::nullopt;
}

}  // namespace pannier::daemon
