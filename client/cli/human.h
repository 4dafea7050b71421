// Numbers as people read them, and tables of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pannier::cli {

/// "1,234,567"
std::string human_count(std::uint64_t count);
/// "1 entry", "1,234 entries".
std::string human_count(std::uint64_t count, std::string_view one, std::string_view many);
/// "512 B", "1.2 MiB": powers of 1,024, one digit after the point.
std::string human_bytes(std::uint64_t bytes);
/// "250 ms", "1 h 2 min": the two largest units.
std::string human_duration(std::uint64_t ms);
/// "2026-01-31 12:00:00 UTC", of milliseconds since 1970.
std::string human_time(std::int64_t time_ms);
/// "93.1 %"; "-" when there was nothing to hit.
std::string human_rate(std::uint64_t hits, std::uint64_t misses);

/// Rows of cells as aligned columns, a line each; the first row are headings. The first `left_columns`
/// columns are aligned left, the others right. Widths count UTF-8 characters.
std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t left_columns);

}  // namespace pannier::cli
