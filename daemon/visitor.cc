#include "daemon/visitor.h"

#include <unistd.h>

namespace pannier::daemon {

namespace {

/// The record of that key, made by `make` if nobody has it. Those of others that nobody has are forgotten.
template <typename Map, typename Make>
auto found_or_made(Map& map, const typename Map::key_type& key, Make make) {
  const auto found = map.find(key);
  if (found != map.end()) {
    if (auto record = found->second.lock()) return record;
  }
  std::erase_if(map, [](const auto& one) { return one.second.expired(); });
  auto record = make();
  map[key] = record;
  return record;
}

}  // namespace

std::shared_ptr<Visitor> Visitors::record_of(const Peer& peer) {
  return found_or_made(visitors_, peer, [&] {
    return std::make_shared<Visitor>(Visitor{.peer = peer, .user = user_of(peer.uid)});
  });
}

std::shared_ptr<UserShare> Visitors::user_of(uid_t uid) {
  return found_or_made(users_, uid, [uid] {
    const bool is_trusted = uid == 0 || uid == geteuid();
    return std::make_shared<UserShare>(UserShare{.uid = uid, .is_bounded = !is_trusted});
  });
}

}  // namespace pannier::daemon
