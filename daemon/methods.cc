#include "daemon/methods.h"

#include <algorithm>
#include <array>

#include "daemon/handlers/handlers.h"

namespace pannier::daemon {

namespace {

// Sorted by name, for the search.
constexpr std::array kMethods{
    Method{"attach", handle_attach},
    Method{"backup", handle_backup},
    Method{"backup_next", handle_backup_next},
    Method{"clear", handle_clear},
    Method{"delete", handle_delete},
    Method{"delete_many", handle_delete_many},
    Method{"drop", handle_drop},
    Method{"get", handle_get},
    Method{"get_many", handle_get_many},
    Method{"hello", handle_hello},
    Method{"increment", handle_increment},
    Method{"info", handle_info},
    Method{"keys", handle_keys},
    Method{"lease", handle_lease},
    Method{"open", handle_open},
    Method{"ping", handle_ping},
    Method{"put", handle_put},
    Method{"put_many", handle_put_many},
    Method{"release", handle_release},
    Method{"subscribe", handle_subscribe},
    Method{"sync", handle_sync},
    Method{"touch", handle_touch},
    Method{"unsubscribe", handle_unsubscribe},
};
static_assert(std::ranges::is_sorted(kMethods, {}, &Method::name));

}  // namespace

const Method* method_named(std::string_view name) {
  const auto* found = std::ranges::lower_bound(kMethods, name, {}, &Method::name);
  return found != kMethods.end() && found->name == name ? found : nullptr;
}

}  // namespace pannier::daemon
