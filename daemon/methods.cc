#include "daemon/methods.h"

#include <algorithm>
#include <array>
#include <limits>

#include "daemon/handlers/handlers.h"

namespace pannier::daemon {

namespace {

// Sorted by name, for the search.
constexpr std::array kMethods{
    Method{"attach", handle_attach, Takes::kReadAll},
    Method{"backup", handle_backup, Takes::kByHandler},
    Method{"backup_next", handle_backup_next, Takes::kByHandler},
    Method{"clear", handle_clear, Takes::kAdminister},
    Method{"delete", handle_delete, Takes::kWrite},
    Method{"delete_many", handle_delete_many, Takes::kWrite},
    Method{"drop", handle_drop, Takes::kAdminister},
    Method{"get", handle_get, Takes::kRead},
    Method{"get_many", handle_get_many, Takes::kRead},
    Method{"hello", handle_hello, Takes::kNothing},
    Method{"hot", handle_hot, Takes::kRead},
    Method{"increment", handle_increment, Takes::kReadAndWrite},
    Method{"info", handle_info, Takes::kByHandler},
    Method{"keys", handle_keys, Takes::kRead},
    Method{"lease", handle_lease, Takes::kReadAndWrite},
    Method{"monitor", handle_monitor, Takes::kOperate},
    Method{"open", handle_open, Takes::kByHandler},
    Method{"ping", handle_ping, Takes::kNothing},
    Method{"put", handle_put, Takes::kWrite},
    Method{"put_many", handle_put_many, Takes::kWrite},
    Method{"release", handle_release, Takes::kWrite},
    Method{"reload", handle_reload, Takes::kOperate},
    Method{"subscribe", handle_subscribe, Takes::kRead},
    Method{"sync", handle_sync, Takes::kAdminister},
    Method{"touch", handle_touch, Takes::kWrite},
    Method{"unsubscribe", handle_unsubscribe, Takes::kNothing},
};
static_assert(std::ranges::is_sorted(kMethods, {}, &Method::name));
static_assert(kMethods.size() < std::numeric_limits<std::uint8_t>::max());

}  // namespace

const Method* method_named(std::string_view name) {
  const auto* found = std::ranges::lower_bound(kMethods, name, {}, &Method::name);
  return found != kMethods.end() && found->name == name ? found : nullptr;
}

std::span<const Method> all_methods() { return kMethods; }

std::uint8_t row_of(const Method& method) {
  return static_cast<std::uint8_t>(Meter::kNoMethod + 1 + (&method - kMethods.data()));
}

std::string_view name_of_row(std::uint8_t row) {
  return row == Meter::kNoMethod ? "unknown" : kMethods[row - Meter::kNoMethod - 1].name;
}

}  // namespace pannier::daemon
