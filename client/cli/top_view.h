// What `pannier top` shows, as text: a head for the daemon, and a row for each cache.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/json_text.h"
#include "client/cli/top_figures.h"

namespace pannier::cli {

/// By what the rows are sorted: names upwards, all else downwards.
enum class TopSort { kName, kEntries, kMemory, kHits, kRequests, kEvictions };

/// Their words, in the order of TopSort: "name", "entries", ...
const std::vector<std::string>& top_sort_words();
/// The one that a key of the view stands for.
std::optional<TopSort> top_sort_of(char key);
/// What the keys are, with the present order among them: at most 80 characters, as wide as terminals are.
std::string top_keys_line(TopSort sort);

struct TopLine {
  enum class Kind { kPlain, kHeading, kAlert };
  std::string text;
  Kind kind = Kind::kPlain;
};

/// At most `lines_max` of them, 0 for all; the last says how many caches are left out if any are. Figures
/// that were not compared have "-" for their rates.
std::vector<TopLine> top_lines(const TopFigures& figures, TopSort sort, std::size_t lines_max);
/// The same on one line for programs: rates a second, null if they were not compared.
JsonText top_json(const TopFigures& figures);

}  // namespace pannier::cli
