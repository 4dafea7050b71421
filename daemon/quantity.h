// Quantities as operators write them: sizes ("256M"), durations ("5s"), plain numbers and file modes
// ("0660"). Text to number and back; what a number is for, and its range, are elsewhere (setting.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pannier::daemon {

/// Digits alone. Nothing for anything else, or above 2^64 - 1: so for all of these.
std::optional<std::uint64_t> parse_count(std::string_view text);
/// Bytes: a number, and maybe K, M, G or T (times 1024, 1024^2...), maybe in small letters, maybe with B or
/// iB behind it.
std::optional<std::uint64_t> parse_size(std::string_view text);
/// Milliseconds: a number with one of ms, s, m (or min), h, d; or 0.
std::optional<std::uint64_t> parse_duration(std::string_view text);
/// Permission bits in octal: "660", "0660" or "0o660", at most 0777.
std::optional<std::uint64_t> parse_mode(std::string_view text);

/// In the largest unit that leaves a whole number: parse_* of it gives the same number.
std::string size_text(std::uint64_t bytes);
std::string duration_text(std::uint64_t ms);
std::string mode_text(std::uint64_t mode);

}  // namespace pannier::daemon
