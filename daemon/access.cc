#include "daemon/access.h"

#include <algorithm>

namespace pannier::daemon {

namespace {

const CacheAccess* section_of(const Access& access, std::string_view cache) {
  const auto found = access.caches.find(cache);
  return found == access.caches.end() ? nullptr : &found->second;
}

std::string text_of(const AccessList& list) {
  if (list.is_everybody) return "*";
  std::string text;
  for (const uid_t uid : list.uids) text += std::to_string(uid) + ",";
  for (const gid_t gid : list.gids) text += "@" + std::to_string(gid) + ",";
  return text;
}

/// FNV-1a (Fowler, Noll, Vo), of 32 bits.
std::uint32_t hash_of(std::string_view text) {
  std::uint32_t hash = 2'166'136'261U;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 16'777'619U;
  return hash;
}

}  // namespace

bool AccessList::has(const Peer& peer) const {
  if (is_everybody) return true;
  if (peer.uid == Peer::kNobody) return false;
  return std::ranges::find(uids, peer.uid) != uids.end() ||
         std::ranges::any_of(gids, [&](gid_t gid) { return std::ranges::binary_search(peer.gids, gid); });
}

const AccessList& Access::readers_of(std::string_view cache) const {
  const CacheAccess* const section = section_of(*this, cache);
  return section != nullptr && section->readers ? *section->readers : readers;
}

const AccessList& Access::writers_of(std::string_view cache) const {
  const CacheAccess* const section = section_of(*this, cache);
  if (section != nullptr && section->writers) return *section->writers;
  if (section != nullptr && section->readers) return *section->readers;
  return writers ? *writers : readers;
}

bool Access::reads_all(const Peer& peer) const {
  return readers.has(peer) && std::ranges::all_of(caches, [&](const auto& one) {
           return !one.second.readers || one.second.readers->has(peer);
         });
}

bool Access::is_readable_by_all() const {
  return readers.is_everybody && std::ranges::all_of(caches, [](const auto& one) {
           return !one.second.readers || one.second.readers->is_everybody;
         });
}

bool Access::is_open() const {
  const bool are_writers_all =
      std::ranges::all_of(caches, [this](const auto& one) { return writers_of(one.first).is_everybody; });
  return is_readable_by_all() && are_writers_all && admins.is_everybody &&
         (!writers || writers->is_everybody);
}

std::vector<std::string> changed_lists(const Access& before, const Access& after) {
  std::vector<std::string> changed;
  const auto compare = [&changed](const std::string& key, const auto& one, const auto& other) {
    if (one != other) changed.push_back(key);
  };
  compare("access.admins", before.admins, after.admins);
  compare("access.operators", before.operators, after.operators);
  compare("access.readers", before.readers, after.readers);
  compare("access.writers", before.writers, after.writers);
  auto caches = before.caches;
  caches.insert(after.caches.begin(), after.caches.end());
  for (const auto& [name, unused] : caches) {
    const CacheAccess* const was = section_of(before, name);
    const CacheAccess* const is = section_of(after, name);
    static const CacheAccess kNone;
    compare("cache." + name + ".readers", (was ? *was : kNone).readers, (is ? *is : kNone).readers);
    compare("cache." + name + ".writers", (was ? *was : kNone).writers, (is ? *is : kNone).writers);
  }
  return changed;
}

std::uint32_t Access::readers_digest() const {
  std::string text = text_of(readers);
  for (const auto& [name, cache] : caches) {
    if (cache.readers) text += "\n" + text_of(*cache.readers);
  }
  return std::max(hash_of(text), 2U);
}

}  // namespace pannier::daemon
