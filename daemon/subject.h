// Subject: the cache and the key that a request is about, read out of its parameters as far as they have
// them: for those who watch requests, whatever the method.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/bytes.h"

namespace pannier::daemon {

/// All views point into the parameters.
struct Subject {
  std::string_view cache;             ///< empty: of none, or of what is no name
  std::string_view key;               ///< empty: of none, or of several
  std::optional<std::uint32_t> keys;  ///< of several: how many
};

/// `params`: an array, or the first bytes of one; empty: nothing is known.
Subject subject_of(protocol::Bytes params);
/// For people: ` of "cache", key "key"`, ` of "cache", 12 keys`, or nothing. Long names are cut.
std::string text_of(const Subject& subject);

}  // namespace pannier::daemon
