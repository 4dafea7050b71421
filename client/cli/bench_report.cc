#include "client/cli/bench_report.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <vector>

#include "client/cli/human.h"

namespace pannier::cli {

namespace {

std::string decimal(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

struct Figures {
  double requests_s;
  double p50_us;
  double p99_us;
  double p999_us;
  std::optional<double> server_cpu_us;  ///< of each request
  std::optional<double> server_share;   ///< of a processor
  double generator_share;
};

Figures figures_of(const load::Measured& measured, bool has_server) {
  const auto requests = static_cast<double>(std::max<std::uint64_t>(measured.requests, 1));
  Figures figures{.requests_s = static_cast<double>(measured.requests) / measured.seconds,
                  .p50_us = measured.latencies.quantile_ns(0.5) / 1e3,
                  .p99_us = measured.latencies.quantile_ns(0.99) / 1e3,
                  .p999_us = measured.latencies.quantile_ns(0.999) / 1e3,
                  .server_cpu_us = {},
                  .server_share = {},
                  .generator_share = measured.generator_cpu_s / measured.seconds};
  if (has_server) {
    figures.server_cpu_us = measured.server_cpu_s * 1e6 / requests;
    figures.server_share = measured.server_cpu_s / measured.seconds;
  }
  return figures;
}

JsonText json_number(std::optional<double> value) {
  return value ? JsonText::as_is(decimal(*value, 3)) : JsonText(nullptr);
}

void print_json(Session& session, const BenchShape& shape, const Figures& figures) {
  session.print_json({{"mix", JsonText::string(load::name_of(shape.mix))},
                      {"connections", shape.connections},
                      {"depth", shape.depth},
                      {"value_bytes", shape.value_bytes},
                      {"keys", shape.keys},
                      {"choice", JsonText::string(load::name_of(shape.choice))},
                      {"requests_per_s", json_number(figures.requests_s)},
                      {"p50_us", json_number(figures.p50_us)},
                      {"p99_us", json_number(figures.p99_us)},
                      {"p999_us", json_number(figures.p999_us)},
                      {"server_cpu_us", json_number(figures.server_cpu_us)},
                      {"server_share", json_number(figures.server_share)},
                      {"generator_share", json_number(figures.generator_share)}});
}

void print_text(Session& session, const BenchShape& shape, const Figures& figures) {
  const auto share = [](double value) { return decimal(value * 100, 0) + " % of a processor"; };
  session.print_line(std::string(load::name_of(shape.mix)) + ", values of " + human_bytes(shape.value_bytes) +
                     ", " + human_count(shape.connections, "connection", "connections") + " with " +
                     human_count(shape.depth, "request", "requests") + " under way on each, " +
                     human_count(shape.keys, "key", "keys") + " (" +
                     std::string(load::name_of(shape.choice)) + ")");
  std::vector<std::vector<std::string>> rows{
      {"requests/s", human_count(static_cast<std::uint64_t>(figures.requests_s))},
      {"p50", decimal(figures.p50_us, 1) + " us"},
      {"p99", decimal(figures.p99_us, 1) + " us"},
      {"p99.9", decimal(figures.p999_us, 1) + " us"}};
  if (figures.server_cpu_us) {
    rows.push_back({"the daemon", decimal(*figures.server_cpu_us, 2) + " us of processor a request, " +
                                      share(*figures.server_share)});
  }
  rows.push_back({"this command", share(figures.generator_share)});
  session.print(table(rows, 2));
}

}  // namespace

void print_bench(Session& session, const BenchShape& shape, const load::Measured& measured, bool has_server) {
  const Figures figures = figures_of(measured, has_server);
  if (session.json()) return print_json(session, shape, figures);
  print_text(session, shape, figures);
}

}  // namespace pannier::cli
