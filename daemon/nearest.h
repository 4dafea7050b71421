// The word that somebody who mistyped one most likely meant.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pannier::daemon {

/// The nearest of `words` to `typed`, by insertions, deletions, replacements and swaps of letters; nothing if
/// none is near (one letter may differ, or a third of them).
std::optional<std::string> nearest(std::string_view typed, std::span<const std::string> words);

}  // namespace pannier::daemon
