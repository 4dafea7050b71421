// Visitors: peers as the daemon keeps them, one record for all connections of the same user and groups, and
// one of what all connections of a user have together. They live as long as somebody refers to them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>

#include "daemon/peer.h"
#include "storage/types.h"

namespace pannier::daemon {

/// What the connections of one user have together.
struct UserShare {
  uid_t uid = Peer::kNobody;
  bool is_bounded = true;  ///< by the limits of users; root and the daemon's own user are not
  std::uint32_t connections = 0;
  std::uint64_t buffer_bytes = 0;
};

struct Visitor {
  /// What was found out about a cache; of another, or of an earlier configuration, it says nothing.
  struct Verdict {
    storage::CacheId cache = 0;
    std::uint32_t edition = 0;
    std::uint8_t rights = 0;
  };

  Peer peer;
  std::shared_ptr<UserShare> user;
  std::array<Verdict, 64> verdicts{};  ///< by the lower bits of the cache's id

  /// Root and the daemon's own user may do everything.
  bool is_trusted() const { return !user->is_bounded; }
};

class Visitors {
 public:
  std::shared_ptr<Visitor> record_of(const Peer& peer);

 private:
  std::shared_ptr<UserShare> user_of(uid_t uid);

  std::map<Peer, std::weak_ptr<Visitor>> visitors_;
  std::map<uid_t, std::weak_ptr<UserShare>> users_;
};

}  // namespace pannier::daemon
