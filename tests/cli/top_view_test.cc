// The figures of `pannier top` as text.
#include "client/cli/top_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pannier::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

CacheFigures cache_with(std::string name, std::uint64_t entries, std::uint64_t hits) {
  CacheFigures cache;
  cache.name = std::move(name);
  cache.tier = "lru";
  cache.entries = entries;
  cache.counts.hits = hits;
  return cache;
}

TopFigures three_caches() {
  TopFigures figures;
  figures.seconds = 2;
  figures.caches = {cache_with("a", 5, 0), cache_with("b", 9, 40), cache_with("c", 1, 7)};
  return figures;
}

std::vector<std::string> names_in(const std::vector<TopLine>& lines) {
  std::vector<std::string> names;
  bool is_row = false;
  for (const auto& line : lines) {
    if (is_row) names.push_back(line.text.substr(0, 1));
    is_row = is_row || line.kind == TopLine::Kind::kHeading;
  }
  return names;
}

std::string text_of(const std::vector<TopLine>& lines) {
  std::string text;
  for (const auto& line : lines) text += line.text + "\n";
  return text;
}

TEST(TopView, sorts_by_name_upwards_and_by_all_else_downwards) {
  const auto figures = three_caches();
  EXPECT_THAT(names_in(top_lines(figures, TopSort::kName, 0)), ElementsAre("a", "b", "c"));
  EXPECT_THAT(names_in(top_lines(figures, TopSort::kEntries, 0)), ElementsAre("b", "a", "c"));
  EXPECT_THAT(names_in(top_lines(figures, TopSort::kHits, 0)), ElementsAre("b", "c", "a"));
  EXPECT_THAT(names_in(top_lines(figures, TopSort::kMemory, 0)), ElementsAre("a", "b", "c"));
}

TEST(TopView, each_key_sorts_by_what_the_last_line_says) {
  const auto line = top_keys_line(TopSort::kMemory);
  EXPECT_THAT(line, StartsWith("by memory; "));
  EXPECT_LE(top_keys_line(TopSort::kEvictions).size(), 80U);
  for (std::size_t i = 0; i < top_sort_words().size(); ++i) {
    const auto at = line.find('[', i == 0 ? 0 : line.find("[" + std::string(1, "nemhrv"[i - 1]) + "]") + 1);
    EXPECT_EQ(top_sort_of(line.at(at + 1)), static_cast<TopSort>(i)) << top_sort_words()[i];
  }
  EXPECT_EQ(top_sort_of('q'), std::nullopt);
}

TEST(TopView, rates_are_a_second) {
  auto figures = three_caches();
  figures.requests = 20'000;
  figures.counts = {.hits = 3, .misses = 1, .puts = 0, .evictions = 0, .expirations = 0};
  EXPECT_EQ(top_lines(figures, TopSort::kName, 0).at(1).text,
            "requests 10,000/s  hits 1.5/s  misses 0.5/s  hit rate 75.0 %  puts 0/s  evictions 0/s  "
            "expirations 0/s");
}

TEST(TopView, what_was_not_compared_has_no_rates) {
  TopFigures figures;
  EXPECT_THAT(top_lines(figures, TopSort::kName, 0).at(1).text, StartsWith("requests -  hits -"));
  EXPECT_THAT(top_json(figures).text(), HasSubstr("\"requests_per_s\":null"));
}

TEST(TopView, latencies_are_those_of_the_busiest_methods) {
  TopFigures figures;
  figures.methods = {{"get", 90, 1'234, 2'500'000}, {"lease", 5, 999, 3'000'000'000}};
  EXPECT_EQ(top_lines(figures, TopSort::kName, 0).at(3).text,
            "latency get p50 1.2 us p99 2.5 ms  lease p50 1.0 us p99 3.0 s");
}

TEST(TopView, a_disk_that_fails_stands_out) {
  auto figures = three_caches();
  figures.caches[1].fault = "No space left on device";
  const auto lines = top_lines(figures, TopSort::kName, 0);
  EXPECT_EQ(lines.at(5).text, "not written to disk: cache b: No space left on device");
  EXPECT_EQ(lines.at(5).kind, TopLine::Kind::kAlert);
}

TEST(TopView, few_lines_say_how_many_caches_are_left_out) {
  const auto all = top_lines(three_caches(), TopSort::kHits, 0);
  const auto fit = top_lines(three_caches(), TopSort::kHits, all.size());
  EXPECT_EQ(text_of(fit), text_of(all));
  const auto fewer = top_lines(three_caches(), TopSort::kHits, all.size() - 1);
  EXPECT_EQ(fewer.size(), all.size() - 1);
  EXPECT_EQ(fewer.back().text, "... and 2 more");
  EXPECT_EQ(top_lines(three_caches(), TopSort::kHits, 2).size(), 2u);
}

TEST(TopView, a_long_name_leaves_room_for_its_figures) {
  TopFigures figures;
  figures.caches = {cache_with(std::string(255, 'x'), 1, 1)};
  EXPECT_LT(top_lines(figures, TopSort::kName, 0).back().text.size(), 120u);
}

TEST(TopView, json_has_each_cache_with_its_rates) {
  const auto text = top_json(three_caches()).text();
  EXPECT_THAT(text, HasSubstr("\"seconds\":2.0"));
  EXPECT_THAT(
      text,
      HasSubstr(
          R"({"name":"b","tier":"lru","entries":9,"used_bytes":0,"dirty_entries":0,"hits_per_s":20.0)"));
}

TEST(TopView, what_somebody_has_to_look_at_stands_out) {
  auto figures = three_caches();
  figures.server.read_errors = 2;
  figures.server.access_needs_restart = true;
  const auto lines = top_lines(figures, TopSort::kName, 0);
  // Who may not know what was wrong knows that something was.
  EXPECT_EQ(lines.at(5).text, "2 reads from disk failed");
  EXPECT_THAT(lines.at(6).text, HasSubstr("restart the daemon"));
  EXPECT_EQ(lines.at(5).kind, TopLine::Kind::kAlert);
  EXPECT_EQ(lines.at(6).kind, TopLine::Kind::kAlert);
}

}  // namespace
}  // namespace pannier::cli
