#include "pannier/options.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <span>

#include "pannier/error.h"

namespace pannier {

namespace {

/// The place of `name` among `names`, which are the names of what `kind` says.
std::size_t place_of(std::string_view name, std::span<const std::string_view> names, const char* kind) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  std::string text = kind;
  const char* before = " is one of ";
  for (const auto known : names) {
    text.append(before).append(known);
    before = ", ";
  }
  throw InvalidArgument(text + ", not \"" + std::string(name) + "\"");
}

}  // namespace

std::string default_socket_path() {
  const char* path = std::getenv("PANNIER_SOCKET");
  return path && *path ? path : "/run/pannier/pannier.sock";
}

Tier tier_named(std::string_view name) { return static_cast<Tier>(place_of(name, kTierNames, "tier")); }

Policy policy_named(std::string_view name) {
  return static_cast<Policy>(place_of(name, kPolicyNames, "policy"));
}

}  // namespace pannier
