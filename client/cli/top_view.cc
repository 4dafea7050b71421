#include "client/cli/top_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "client/cli/human.h"
#include "client/cli/troubles.h"

namespace pannier::cli {

namespace {

constexpr std::size_t kNameColumnsMax = 32;
constexpr std::size_t kMethodsShown = 4;

struct SortRow {
  char key;
  const char* shown;  ///< with its key marked
};
// In the order of TopSort.
constexpr std::array kSorts = {SortRow{'n', "[n]ame"},     SortRow{'e', "[e]ntries"},
                               SortRow{'m', "[m]emory"},   SortRow{'h', "[h]its"},
                               SortRow{'r', "[r]equests"}, SortRow{'v', "e[v]ictions"}};

std::string decimal(double number) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.1f", number);
  return text;
}

/// "1,234/s", "0.5/s"; "-" if nothing was compared.
std::string rate_text(std::uint64_t count, double seconds) {
  if (seconds <= 0) return "-";
  const double rate = static_cast<double>(count) / seconds;
  if (count > 0 && rate < 9.95) return decimal(rate) + "/s";
  return human_count(static_cast<std::uint64_t>(std::llround(rate))) + "/s";
}

std::string latency_text(std::uint64_t ns) {
  const auto number = static_cast<double>(ns);
  if (number < 1e6) return decimal(number / 1e3) + " us";
  if (number < 1e9) return decimal(number / 1e6) + " ms";
  return decimal(number / 1e9) + " s";
}

std::string shortened(const std::string& name) {
  return name.size() <= kNameColumnsMax ? name : name.substr(0, kNameColumnsMax - 3) + "...";
}

std::string rates_line(const TopFigures& figures) {
  const auto rate = [&](std::uint64_t count) { return rate_text(count, figures.seconds); };
  const auto& counts = figures.counts;
  return "requests " + rate(figures.requests) + "  hits " + rate(counts.hits) + "  misses " +
         rate(counts.misses) + "  hit rate " + human_rate(counts.hits, counts.misses) + "  puts " +
         rate(counts.puts) + "  evictions " + rate(counts.evictions) + "  expirations " +
         rate(counts.expirations);
}

std::string memory_line(const ServerInfo& server) {
  const auto share =
      server.memory_limit == 0 ? std::uint64_t{0} : server.memory_used * 100 / server.memory_limit;
  return "memory " + human_bytes(server.memory_used) + " of " + human_bytes(server.memory_limit) + " (" +
         std::to_string(share) + " %)  " + human_count(server.connections, "connection", "connections") +
         "  " + human_count(server.shared_readers, "shared reader", "shared readers");
}

std::string latency_line(const TopFigures& figures) {
  if (figures.methods.empty()) return "latency -";
  std::string line = "latency";
  for (std::size_t i = 0; i < std::min(figures.methods.size(), kMethodsShown); ++i) {
    const auto& method = figures.methods[i];
    line += (i == 0 ? " " : "  ") + method.name + " p50 " + latency_text(method.p50_ns) + " p99 " +
            latency_text(method.p99_ns);
  }
  return line;
}

std::string disk_line(const TopFigures& figures) {
  if (figures.dirty_entries == 0) return "disk nothing dirty";
  return "disk " + human_count(figures.dirty_entries, "entry", "entries") + " dirty, " +
         human_bytes(figures.dirty_bytes) + ", the oldest for " +
         human_duration(figures.oldest_dirty_ms.value_or(0));
}

void add_head(const TopFigures& figures, std::vector<TopLine>& lines) {
  const auto& server = figures.server;
  lines.push_back({"pannierd " + server.version + ", pid " + std::to_string(server.pid) + ", up " +
                   human_duration(server.uptime_ms)});
  lines.push_back({rates_line(figures)});
  lines.push_back({memory_line(server)});
  lines.push_back({latency_line(figures)});
  lines.push_back({disk_line(figures)});
  for (const auto& cache : figures.caches) {
    if (!cache.fault.empty())
      lines.push_back(
          {"not written to disk: cache " + cache.name + ": " + cache.fault, TopLine::Kind::kAlert});
  }
  for (const auto& line : troubles_of(server)) lines.push_back({line, TopLine::Kind::kAlert});
  lines.push_back({});
}

std::uint64_t requests_of(const CacheFigures& cache) {
  return cache.counts.hits + cache.counts.misses + cache.counts.puts;
}

std::uint64_t weight_of(const CacheFigures& cache, TopSort sort) {
  switch (sort) {
    case TopSort::kEntries:
      return cache.entries;
    case TopSort::kMemory:
      return cache.used_bytes;
    case TopSort::kHits:
      return cache.counts.hits;
    case TopSort::kRequests:
      return requests_of(cache);
    case TopSort::kEvictions:
      return cache.counts.evictions;
    case TopSort::kName:
      break;
  }
  return 0;
}

std::vector<std::string> row_of(const CacheFigures& cache, double seconds) {
  const auto& counts = cache.counts;
  const auto rate = [seconds](std::uint64_t count) { return rate_text(count, seconds); };
  return {shortened(cache.name),
          cache.tier,
          human_count(cache.entries),
          human_bytes(cache.used_bytes),
          human_rate(counts.hits, counts.misses),
          rate(counts.hits),
          rate(counts.misses),
          rate(counts.puts),
          rate(counts.evictions),
          cache.tier == "durable" ? human_count(cache.dirty_entries) : "-"};
}

std::vector<TopLine> rows_of(const TopFigures& figures, TopSort sort) {
  auto caches = figures.caches;
  std::ranges::stable_sort(caches, std::ranges::greater(),
                           [sort](const CacheFigures& cache) { return weight_of(cache, sort); });
  std::vector<std::vector<std::string>> cells = {
      {"CACHE", "TIER", "ENTRIES", "MEMORY", "HIT RATE", "HITS", "MISSES", "PUTS", "EVICTED", "DIRTY"}};
  for (const auto& cache : caches) cells.push_back(row_of(cache, figures.seconds));
  std::vector<TopLine> lines;
  const std::string text = table(cells, 2);
  for (std::size_t start = 0; start < text.size();) {
    const auto end = text.find('\n', start);
    lines.push_back({text.substr(start, end - start)});
    start = end + 1;
  }
  lines.front().kind = TopLine::Kind::kHeading;
  return lines;
}

JsonText json_rate(std::uint64_t count, double seconds) {
  if (seconds <= 0) return nullptr;
  return JsonText::as_is(decimal(static_cast<double>(count) / seconds));
}

std::vector<std::pair<const char*, JsonText>> json_rates(const Counts& counts, double seconds) {
  return {{"hits_per_s", json_rate(counts.hits, seconds)},
          {"misses_per_s", json_rate(counts.misses, seconds)},
          {"puts_per_s", json_rate(counts.puts, seconds)},
          {"evictions_per_s", json_rate(counts.evictions, seconds)},
          {"expirations_per_s", json_rate(counts.expirations, seconds)}};
}

JsonText json_of(const CacheFigures& cache, double seconds) {
  auto fields = json_rates(cache.counts, seconds);
  fields.insert(fields.begin(), {{"name", JsonText::string(cache.name)},
                                 {"tier", JsonText::string(cache.tier)},
                                 {"entries", cache.entries},
                                 {"used_bytes", cache.used_bytes},
                                 {"dirty_entries", cache.dirty_entries}});
  return JsonText::object(fields);
}

JsonText json_of(const MethodFigures& method, double seconds) {
  return JsonText::object({{"name", JsonText::string(method.name)},
                           {"answered_per_s", json_rate(method.answered, seconds)},
                           {"p50_ns", method.p50_ns},
                           {"p99_ns", method.p99_ns}});
}

}  // namespace

const std::vector<std::string>& top_sort_words() {
  static const std::vector<std::string> kWords = {"name", "entries",  "memory",
                                                  "hits", "requests", "evictions"};
  return kWords;
}

std::optional<TopSort> top_sort_of(char key) {
  for (std::size_t i = 0; i < kSorts.size(); ++i) {
    if (kSorts.at(i).key == key) return static_cast<TopSort>(i);
  }
  return std::nullopt;
}

std::string top_keys_line(TopSort sort) {
  std::string line = "by " + top_sort_words().at(static_cast<std::size_t>(sort)) + ";";
  for (const auto& row : kSorts) line += " " + std::string(row.shown);
  return line + "  [q]uit";
}

std::vector<TopLine> top_lines(const TopFigures& figures, TopSort sort, std::size_t lines_max) {
  std::vector<TopLine> lines;
  add_head(figures, lines);
  const auto rows = rows_of(figures, sort);
  lines.insert(lines.end(), rows.begin(), rows.end());
  if (lines_max == 0 || lines.size() <= lines_max) return lines;
  const auto left_out = lines.size() - lines_max + 1;
  lines.resize(lines_max);
  if (left_out < rows.size()) lines.back() = {"... and " + human_count(left_out) + " more"};
  return lines;
}

JsonText top_json(const TopFigures& figures) {
  std::vector<JsonText> methods;
  for (const auto& method : figures.methods) methods.push_back(json_of(method, figures.seconds));
  std::vector<JsonText> caches;
  for (const auto& cache : figures.caches) caches.push_back(json_of(cache, figures.seconds));
  std::vector<std::pair<const char*, JsonText>> fields = {
      {"seconds", JsonText::as_is(decimal(figures.seconds))},
      {"pid", figures.server.pid},
      {"requests_per_s", json_rate(figures.requests, figures.seconds)}};
  const auto rates = json_rates(figures.counts, figures.seconds);
  fields.insert(fields.end(), rates.begin(), rates.end());
  fields.insert(fields.end(), {{"memory_used", figures.server.memory_used},
                               {"memory_limit", figures.server.memory_limit},
                               {"connections", figures.server.connections},
                               {"dirty_entries", figures.dirty_entries},
                               {"dirty_bytes", figures.dirty_bytes},
                               {"methods", JsonText::array(methods)},
                               {"caches", JsonText::array(caches)}});
  return JsonText::object(fields);
}

}  // namespace pannier::cli
