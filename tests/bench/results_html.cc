#include <algorithm>

#include "tests/bench/plot.h"
#include "tests/bench/program.h"
#include "tests/bench/results.h"
#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

using Figure = double Figures::*;

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1c1c1e; --paper: #ffffff; --faint: #8a8a8e; --rule: #d8d8dc;
  --c0: #0b6bcb; --c1: #c8452f; --c2: #2f8f4e; --c3: #8b8b90; --c4: #9a56c4; --c5: #b78116; --ok: #1f7a3d; --short: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf0; --paper: #161618; --faint: #96969c; --rule: #3a3a3e;
  --c0: #5aa9ff; --c1: #ff8069; --c2: #67cf88; --c3: #a5a5ab; --c4: #c792ea; --c5: #e6b450; --ok: #67cf88; --short: #ff8069; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .2rem; }
table { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .7rem .15rem 0; text-align: right; border-bottom: 1px solid var(--rule); }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; color: var(--faint); }
.wide { overflow-x: auto; } .ok { color: var(--ok); } .short { color: var(--short); font-weight: 600; }
svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: var(--ink); }
svg .name { text-anchor: end; } svg .figure, svg .tick { fill: var(--faint); } svg .tick { text-anchor: middle; }
svg .axis { stroke: var(--rule); } svg .spread { stroke: var(--ink); stroke-width: 1.5; opacity: .65; }
svg .tail { stroke-width: 2; opacity: .55; }
.s0 { fill: var(--c0); stroke: var(--c0); } .s1 { fill: var(--c1); stroke: var(--c1); }
.s2 { fill: var(--c2); stroke: var(--c2); } .s3 { fill: var(--c3); stroke: var(--c3); }
.s4 { fill: var(--c4); stroke: var(--c4); } .s5 { fill: var(--c5); stroke: var(--c5); }
.key span { display: inline-block; margin-right: 1.2rem; } .key svg { width: .8rem; height: .8rem; margin-right: .35rem; }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--faint); }
)";

std::string escaped(const std::string& text) {
  std::string out;
  for (const char byte : text) {
    if (byte == '&')
      out += "&amp;";
    else if (byte == '<')
      out += "&lt;";
    else
      out += byte;
  }
  return out;
}

std::string element(const std::string& name, const std::string& inner) {
  return '<' + name + '>' + inner + "</" + name.substr(0, name.find(' ')) + ">\n";
}

std::string table_row(const std::vector<std::string>& cells, const std::string& cell = "td") {
  std::string inner;
  for (const auto& each : cells) inner += element(cell, each);
  return element("tr", inner);
}

std::string table_of(const std::vector<std::string>& head, const std::string& rows) {
  return element("div class=\"wide\"", element("table", table_row(head, "th") + rows));
}

std::string key_of(const std::vector<Contestant>& contestants) {
  std::string inner;
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    std::string box = "<svg viewBox=\"0 0 10 10\"><rect class=\"s";
    box += std::to_string(i);
    box += "\" width=\"10\" height=\"10\"/></svg>";
    box += escaped(contestants[i].name);
    inner += element("span", box);
  }
  return element("p class=\"key\"", inner);
}

/// In the color of the verdict.
std::string marked(const Verdict& each, const std::string& text) {
  return "<span class=\"" + verdict(each.is_met()) + "\">" + escaped(text) + "</span>";
}

std::string verdicts_of(const std::vector<Verdict>& verdicts) {
  if (verdicts.empty()) return "";
  std::string rows;
  std::size_t met = 0;
  for (const auto& each : verdicts) {
    met += each.is_met() ? 1 : 0;
    rows += table_row({escaped(each.shape), escaped(each.own), each.what, each.wanted(),
                       number(each.got.median, 2), each.got.spread(), marked(each, verdict(each.is_met()))});
  }
  return element("h2",
                 "Targets: " + std::to_string(met) + " of " + std::to_string(verdicts.size()) + " met") +
         table_of({"shape", "", "figure", "wanted", "median", "spread", ""}, rows);
}

/// Rows of one mix, one size and one choice of keys.
using Section = std::vector<const Row*>;

std::vector<Section> sections_of(const std::vector<Row>& rows) {
  std::vector<Section> sections;
  for (const auto& row : rows) {
    const auto belongs = [&](const Section& section) {
      const Shape& shape = section.front()->shape;
      return shape.mix == row.shape.mix && shape.value_bytes == row.shape.value_bytes &&
             shape.keys == row.shape.keys;
    };
    const auto found = std::ranges::find_if(sections, belongs);
    if (found == sections.end())
      sections.push_back({&row});
    else
      found->push_back(&row);
  }
  return sections;
}

Bar bar_of(std::size_t series, const std::vector<Figures>& rounds, Figure figure) {
  Bar bar{.series = series,
          .median = median_of(rounds, figure),
          .min = rounds.front().*figure,
          .max = rounds.front().*figure,
          .text = ""};
  for (const auto& each : rounds) {
    bar.min = std::min(bar.min, each.*figure);
    bar.max = std::max(bar.max, each.*figure);
  }
  return bar;
}

std::string bars_of(const Section& section, Figure figure, bool has_ratios) {
  std::vector<BarGroup> groups;
  for (const Row* row : section) {
    BarGroup group{row->shape.form(), {}};
    for (std::size_t i = 0; i < row->rounds.size(); ++i) {
      if (row->rounds[i].empty()) continue;
      group.bars.push_back(bar_of(i, row->rounds[i], figure));
      Bar& bar = group.bars.back();
      bar.text = number(bar.median, has_ratios ? 0 : 2);
      if (has_ratios && i > 0)
        bar.text += " (" + number(ratio_of(row->rounds.front(), row->rounds[i], figure).median, 2) + " x)";
    }
    groups.push_back(group);
  }
  return bar_plot(groups);
}

std::string tails_of(const Section& section) {
  std::vector<TailGroup> groups;
  for (const Row* row : section) {
    TailGroup group{row->shape.form(), {}};
    for (std::size_t i = 0; i < row->rounds.size(); ++i) {
      if (row->rounds[i].empty()) continue;
      group.tails.push_back(
          {i,
           {median_of(row->rounds[i], &Figures::p50_us), median_of(row->rounds[i], &Figures::p99_us),
            median_of(row->rounds[i], &Figures::p999_us)}});
    }
    groups.push_back(group);
  }
  return tail_plot(groups);
}

std::string figures_of(const Section& section, const std::vector<Contestant>& contestants) {
  std::string rows;
  for (const Row* row : section) {
    for (std::size_t i = 0; i < row->rounds.size(); ++i) {
      const auto& rounds = row->rounds[i];
      if (rounds.empty()) continue;
      const Ratio ratio = ratio_of(row->rounds.front(), rounds, &Figures::requests_s);
      rows += table_row(
          {row->shape.form() + ' ' + escaped(contestants[i].name),
           number(median_of(rounds, &Figures::requests_s), 0), i == 0 ? "" : number(ratio.median, 2),
           i == 0 ? "" : ratio.spread(), number(median_of(rounds, &Figures::p50_us)),
           number(median_of(rounds, &Figures::p99_us)), number(median_of(rounds, &Figures::p999_us)),
           number(median_of(rounds, &Figures::server_cpu_us), 3),
           percent(median_of(rounds, &Figures::generator_share))});
    }
  }
  return element("details", element("summary", "All figures") +
                                table_of({"", "requests/s", contestants.front().name + "'s by it", "spread",
                                          "p50 us", "p99 us", "p99.9 us", "server CPU us", "load busy"},
                                         rows));
}

std::string ratios_of(const Section& section, const Results& results) {
  std::vector<std::string> head{""};
  for (const auto& comparison : kComparisons) head.push_back(comparison.title());
  std::string rows;
  for (const Row* row : section) {
    for (const auto& line : lines_of(*row, results.contestants)) {
      std::vector<std::string> cells{row->shape.form() + ' ' + escaped(line.contestant)};
      for (std::size_t i = 0; i < kComparisons.size(); ++i) {
        const auto* const each = verdict_on(results.verdicts, *row, line.contestant, kComparisons[i]);
        cells.push_back(line.ratios[i] ? line.ratios[i]->text() : "");
        if (each != nullptr) cells.back() += ' ' + marked(*each, each->sign());
      }
      rows += table_row(cells);
    }
  }
  return table_of(head, rows);
}

std::string section_of(const Section& section, const Results& results) {
  const auto& contestants = results.contestants;
  const Shape& shape = section.front()->shape;
  return element("h2", std::string(load::name_of(shape.mix)) + ", values of " + size_name(shape.value_bytes) +
                           ", keys " + std::string(load::name_of(shape.keys))) +
         key_of(contestants) + element("h3", "Ratios, and what is wanted of them") +
         ratios_of(section, results) +
         element("h3", "Requests a second, and " + contestants.front().name + "'s by them") +
         bars_of(section, &Figures::requests_s, true) + element("h3", "Latency: p50, p99, p99.9") +
         tails_of(section) + element("h3", "Processor time of the server for a request, in us") +
         bars_of(section, &Figures::server_cpu_us, false) + figures_of(section, contestants);
}

std::string facts_of(const Results& results) {
  std::string rows;
  for (const auto& [name, value] : results.facts) rows += table_row({name, escaped(value)});
  return table_of({"machine", ""}, rows) +
         element(
             "p",
             "Every round measures all servers in turn for " + number(results.options.measured_s, 2) +
                 " s, the order turned round each round; " + std::to_string(results.options.rounds) +
                 " rounds, up to " + std::to_string(results.options.rounds_max) +
                 " where they scatter. Bars are medians, lines the spread, each shape has a scale of its "
                 "own; ratios are "
                 "made round by round. NxD: N connections with D requests under way on each. The floor is an "
                 "echo server that counts bytes. Load busy: the share of its processor that the load "
                 "took, without the time in which it looked in vain for replies.");
}

}  // namespace

std::string html_of(const Results& results) {
  std::string body =
      element("h1", "Pannier through its socket") + facts_of(results) + verdicts_of(results.verdicts);
  for (const auto& section : sections_of(results.rows)) body += section_of(section, results);
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>Pannier through its "
         "socket</title>\n<style>" +
         std::string(kStyle) + "</style></head><body>\n" + body + "</body></html>\n";
}

}  // namespace pannier::bench
