// The daemon's side of `pannier backup`: asks for an image of durable caches, and for its pieces.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "client/cli/backup_format.h"
#include "pannier/client.h"

namespace pannier::cli {

/// Of a cache, entries that the daemon cannot read.
struct MissingEntries {
  std::uint32_t cache = 0;  ///< its place among the caches, from 0
  std::uint64_t entries = 0;
  std::vector<std::string> keys;  ///< some of them, as far as they are known
  std::string error;
};

class BackupSource {
 public:
  /// What the daemon began to tell. `caches`: empty for all.
  BackupSource(Client& client, const std::vector<std::string>& caches);

  std::int64_t made_at_ms() const { return made_at_ms_; }
  const std::vector<BackupCache>& caches() const { return caches_; }

  using Records = std::vector<BackupRecord>;
  struct End {
    std::vector<MissingEntries> missing;
  };
  /// The next piece; valid until the next call.
  std::variant<Records, End> next();

 private:
  Client& client_;
  std::int64_t made_at_ms_ = 0;
  std::vector<BackupCache> caches_;
  std::uint64_t pieces_ = 0;
  std::string answer_;
};

}  // namespace pannier::cli
