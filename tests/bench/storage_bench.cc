// What a get and a put cost at the interface of storage, in one thread and without a socket, beside the
// textbook's LRU doing the same work: 16-byte keys, 64-byte values, uniform and Zipf-like (exponent 0.99)
// choice of keys.
#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "storage/catalog.h"
#include "tests/bench/textbook_lru.h"

namespace pannier::bench {
namespace {

constexpr std::size_t kRequests = 1 << 20;
constexpr std::size_t kValueBytes = 64;

enum Choice { kUniform, kZipf };

std::vector<std::string> make_keys(std::size_t count) {
  std::vector<std::string> keys;
  keys.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::string key = std::to_string(i * 2'654'435'761 % 10'000'000'000);
    keys.push_back(key.insert(0, 16 - key.size(), 'k'));
  }
  return keys;
}

/// Which key each request asks for. Zipf by inverting the distribution's continuous form (Gray et al., SIGMOD
/// 1994).
std::vector<std::size_t> make_requests(std::size_t keys, Choice choice) {
  constexpr double kExponent = 0.99;
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> unit(0, 1);
  std::vector<std::size_t> requests(kRequests);
  const double top = std::pow(static_cast<double>(keys), 1 - kExponent);
  for (auto& request : requests) {
    const double u = unit(random);
    const double rank = choice == kUniform ? u * static_cast<double>(keys)
                                           : std::pow(u * (top - 1) + 1, 1 / (1 - kExponent)) - 1;
    request = std::min(static_cast<std::size_t>(rank), keys - 1);
  }
  return requests;
}

class Deaf final : public storage::ChangeListener {
 public:
  void changed(const storage::Cache&, std::string_view, storage::Change) override {}
};

/// Both caches filled with all keys.
struct Bench {
  explicit Bench(const benchmark::State& state)
      : keys(make_keys(static_cast<std::size_t>(state.range(0)))),
        requests(make_requests(keys.size(), static_cast<Choice>(state.range(1)))) {}

  const std::string& next() { return keys[requests[position++ % kRequests]]; }

  std::vector<std::string> keys;
  std::vector<std::size_t> requests;
  std::size_t position = 0;
  std::string value = std::string(kValueBytes, 'v');
};

struct StorageBench : Bench {
  explicit StorageBench(const benchmark::State& state) : Bench(state), catalog(options(), deaf) {
    catalog.set_versions(1, storage::kVersionMax);
    storage::Settings settings;
    settings.entries_max = keys.size();
    catalog.open("lru", settings, false, 0);
    cache = catalog.find("lru");
    for (const auto& key : keys) cache->put(key, value, {}, 0);
  }

  static storage::CatalogOptions options() {
    storage::CatalogOptions options;
    options.memory_bytes_max = std::uint64_t{16} << 30;
    return options;
  }

  Deaf deaf;
  storage::Catalog catalog;
  storage::Cache* cache;
};

void storage_get(benchmark::State& state) {
  StorageBench bench(state);
  for (auto _ : state) benchmark::DoNotOptimize(bench.cache->get(bench.next(), 0));
}

void storage_put(benchmark::State& state) {
  StorageBench bench(state);
  for (auto _ : state) benchmark::DoNotOptimize(bench.cache->put(bench.next(), bench.value, {}, 0));
}

struct TextbookBench : Bench {
  explicit TextbookBench(const benchmark::State& state) : Bench(state), lru(keys.size()) {
    for (const auto& key : keys) lru.put(key, value);
  }

  TextbookLru lru;
};

void textbook_get(benchmark::State& state) {
  TextbookBench bench(state);
  for (auto _ : state) benchmark::DoNotOptimize(bench.lru.get(bench.next()));
}

void textbook_put(benchmark::State& state) {
  TextbookBench bench(state);
  for (auto _ : state) bench.lru.put(bench.next(), bench.value);
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"keys", "zipf"})->ArgsProduct({{10'000, 1'000'000}, {kUniform, kZipf}});
}

BENCHMARK(storage_get)->Apply(sizes);
BENCHMARK(textbook_get)->Apply(sizes);
BENCHMARK(storage_put)->Apply(sizes);
BENCHMARK(textbook_put)->Apply(sizes);

}  // namespace
}  // namespace pannier::bench
