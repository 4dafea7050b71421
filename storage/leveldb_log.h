// LevelDB's log format, as far as it takes to tell a torn end from damage. Each write is synced before the
// next one begins, so that a power loss can spoil one record at most, the last one, and nobody was told that
// it is there. LevelDB itself, with all its checks on, takes what is left of such a record for damage if it
// is more than a beginning: zeros, or pages that reached the disk in another order.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <leveldb/env.h>

namespace pannier::storage {

/// Where the last record of a log begins, if that is not whole. Nothing if all records are whole and behind
/// them is nothing but zeros (leveldb_log_file), or if what is damaged has a whole record behind it: then it
/// is not the end.
std::optional<std::size_t> torn_at(std::string_view log);

/// Cuts the torn ends off the database's logs and its manifest, whose format is the same. Sentences that say
/// what was cut off; none: there is no torn end. Precondition: nobody has the database open.
std::variant<std::vector<std::string>, leveldb::Status> cut_torn_ends(leveldb::Env& env,
                                                                      const std::string& path);

}  // namespace pannier::storage
