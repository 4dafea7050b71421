// What a get and a put cost at the interface of storage, in one thread and without a socket, beside the
// textbook's LRU doing the same work: 16-byte keys, 64-byte values, of which a get copies the bytes out,
// uniform and Zipf-like (exponent 0.99) choice of keys. Both run in turn in one process, so that what
// disturbs one disturbs the other; the order turns round from round to round.
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "storage/catalog.h"
#include "tests/bench/program.h"
#include "tests/bench/rounds.h"
#include "tests/bench/table.h"
#include "tests/bench/textbook_lru.h"
#include "tests/bench/work.h"

namespace pannier::bench {
namespace {

constexpr std::size_t kValueBytes = 64;
constexpr std::size_t kSlices = 8;  ///< of a round; its figure is their median
constexpr std::size_t kSliceRequests = 1 << 18;
constexpr double kGetTarget = 0.7;
constexpr double kPutTarget = 0.6;
constexpr std::uint64_t kTargetKeys = 1'000'000;

struct Options {
  std::vector<std::uint64_t> keys{10'000, 100'000, 1'000'000, 10'000'000};
  std::uint64_t rounds = 9;
};

enum Choice { kUniform, kZipf };

/// The keys that are asked for, one after the other in memory: reading them misses no cache.
class Requests {
 public:
  Requests(std::uint64_t keys, Choice choice)
      : keys_(keys), choice_(choice), bytes_(kSlices * kSliceRequests) {}

  /// Others than before.
  void choose() {
    for (auto& key : bytes_) key = key_of(choose_one());
  }
  const Key* slice(std::size_t number) const { return &bytes_[number * kSliceRequests]; }

 private:
  /// Zipf by inverting the distribution's continuous form (Gray et al., SIGMOD 1994).
  std::uint64_t choose_one() {
    constexpr double kExponent = 0.99;
    const double u = unit_(random_);
    if (choice_ == kUniform) return static_cast<std::uint64_t>(u * static_cast<double>(keys_));
    const double top = std::pow(static_cast<double>(keys_), 1 - kExponent);
    const double rank = std::pow(u * (top - 1) + 1, 1 / (1 - kExponent)) - 1;
    return std::min(static_cast<std::uint64_t>(rank), keys_ - 1);
  }

  std::uint64_t keys_;
  Choice choice_;
  std::vector<Key> bytes_;
  std::mt19937_64 random_{1};
  std::uniform_real_distribution<double> unit_{0, 1};
};

class Deaf final : public storage::ChangeListener {
 public:
  void changed(const storage::Cache&, std::string_view, storage::Change) override {}
};

/// The compiler has to assume that the bytes are read.
inline void used(const char* bytes) { asm volatile("" : : "r"(bytes) : "memory"); }

class Storage {
 public:
  explicit Storage(std::uint64_t keys) : catalog_(options(keys), deaf_) {
    catalog_.set_versions(1, storage::kVersionMax);
    storage::Settings settings;
    settings.entries_max = keys;
    catalog_.open("lru", settings, false, 0);
    cache_ = catalog_.find("lru");
  }

  /// As the daemon does while memory fills.
  void use_huge_pages() {
    storage::Arena& arena = catalog_.arena();
    while (const auto offset = arena.huge_page_ahead(huge_until_)) {
      huge_until_ = *offset + storage::Arena::kHugePageBytes;
      if (arena.make_huge(*offset) == storage::Arena::HugePage::kMade) ++huge_pages_;
    }
  }
  std::uint64_t huge_pages() const { return huge_pages_; }

  void put(const Key& key, std::string_view value) { cache_->put(view_of(key), value, {}, 0); }
  void get(const Key& key, char* out) {
    const auto lookup = cache_->get(view_of(key), 0);
    std::memcpy(out, std::get<storage::Hit>(lookup).entry.value.whole(scratch_).data(), kValueBytes);
  }

 private:
  /// As much memory as they need, and half of that more.
  static storage::CatalogOptions options(std::uint64_t keys) {
    storage::CatalogOptions options;
    options.memory_bytes_max =
        (std::uint64_t{16} << 20) + keys * storage::entry_charge(kKeyBytes, kValueBytes) * 3 / 2;
    return options;
  }

  Deaf deaf_;
  storage::Catalog catalog_;
  storage::Cache* cache_;
  std::string scratch_;  ///< for values in several parts, which these are not
  std::uint64_t huge_until_ = 0;
  std::uint64_t huge_pages_ = 0;
};

class Textbook {
 public:
  explicit Textbook(std::uint64_t keys) : lru_(keys) {}

  void put(const Key& key, std::string_view value) {
    key_ = view_of(key);
    lru_.put(key_, value);
  }
  void get(const Key& key, char* out) {
    key_ = view_of(key);
    std::memcpy(out, lru_.get(key_)->data(), kValueBytes);
  }

 private:
  TextbookLru lru_;
  std::string key_;  ///< it takes no views; this one keeps its memory
};

/// What this thread has had of its processor: what others take of it counts for neither.
double thread_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Nanoseconds a request: the median of the slices.
template <typename Each>
double timed(const Requests& requests, const Each& each) {
  std::vector<double> slices;
  for (std::size_t number = 0; number < kSlices; ++number) {
    const Key* const keys = requests.slice(number);
    const double begin = thread_ns();
    for (std::size_t i = 0; i < kSliceRequests; ++i) each(keys[i]);
    slices.push_back((thread_ns() - begin) / kSliceRequests);
  }
  return median_of(slices);
}

template <typename Cache>
double timed_gets(Cache& cache, const Requests& requests) {
  return timed(requests, [&](const Key& key) {
    char value[kValueBytes];
    cache.get(key, value);
    used(value);
  });
}

template <typename Cache>
double timed_puts(Cache& cache, const Requests& requests) {
  return timed(requests, [&](const Key& key) { cache.put(key, value_of(kValueBytes)); });
}

/// The rounds' figures of one operation.
struct Series {
  std::vector<double> pannier_ns;
  std::vector<double> textbook_ns;

  std::vector<double> ratios() const {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < pannier_ns.size(); ++i) ratios.push_back(pannier_ns[i] / textbook_ns[i]);
    std::sort(ratios.begin(), ratios.end());
    return ratios;
  }
};

struct Measured {
  Series get;
  Series put;
};

Measured measure(Storage& storage, Textbook& textbook, Requests& requests, const Options& options,
                 const std::string& what) {
  Measured measured;
  std::vector<std::function<void()>> steps{
      [&] { measured.get.pannier_ns.push_back(timed_gets(storage, requests)); },
      [&] { measured.get.textbook_ns.push_back(timed_gets(textbook, requests)); },
      [&] { measured.put.pannier_ns.push_back(timed_puts(storage, requests)); },
      [&] { measured.put.textbook_ns.push_back(timed_puts(textbook, requests)); },
  };
  for (std::uint64_t round = 1; round <= options.rounds; ++round) {
    progress(what + ": round " + std::to_string(round) + " of " + std::to_string(options.rounds));
    requests.choose();
    for (const auto& step : steps) step();
    std::reverse(steps.begin(), steps.end());
  }
  progress("");
  return measured;
}

void tell(Table& table, nlohmann::json& results, std::uint64_t keys, const std::string& choice,
          const std::string& operation, const Series& series, double target) {
  const auto ratios = series.ratios();
  const double ratio = median_of(ratios);
  const bool has_target = keys == kTargetKeys;
  table.add({operation + ", " + choice, std::to_string(keys), number(median_of(series.pannier_ns)),
             number(median_of(series.textbook_ns)), number(ratio, 2),
             number(ratios.front(), 2) + ".." + number(ratios.back(), 2), has_target ? number(target, 2) : "",
             has_target ? verdict(ratio <= target) : ""});
  results.push_back({{"operation", operation},
                     {"choice", choice},
                     {"keys", keys},
                     {"pannier_ns", series.pannier_ns},
                     {"textbook_ns", series.textbook_ns},
                     {"ratio", ratio}});
}

/// In an order that has nothing to do with how often a key will be asked for.
template <typename Cache>
void fill(Cache& cache, std::uint64_t keys) {
  constexpr std::uint64_t kPrime = 2'654'435'761;
  constexpr std::uint64_t kMoreMemory = 1'000;  ///< puts between two looks for it
  for (std::uint64_t i = 0; i < keys; ++i) {
    if constexpr (std::is_same_v<Cache, Storage>) {
      if (i % kMoreMemory == 0) cache.use_huge_pages();
    }
    cache.put(key_of(i * kPrime % keys), value_of(kValueBytes));
  }
}

void work(const Options& options, nlohmann::json& results) {
  Table table({"operation, choice", "keys", "pannier ns", "textbook ns", "ratio", "spread", "target", ""});
  std::string huge_pages;
  for (const std::uint64_t keys : options.keys) {
    progress(std::to_string(keys) + " keys: filling");
    Storage storage(keys);
    Textbook textbook(keys);
    fill(storage, keys);
    fill(textbook, keys);
    huge_pages += (huge_pages.empty() ? "" : ", ") + std::to_string(storage.huge_pages());
    for (const Choice choice : {kUniform, kZipf}) {
      const std::string name = choice == kUniform ? "uniform" : "zipf";
      Requests requests(keys, choice);
      const auto measured =
          measure(storage, textbook, requests, options, std::to_string(keys) + " keys, " + name);
      tell(table, results, keys, name, "get", measured.get, kGetTarget);
      tell(table, results, keys, name, "put", measured.put, kPutTarget);
    }
  }
  table.print();
  std::printf("huge pages of pannier's memory: %s\n", huge_pages.c_str());
}

}  // namespace
}  // namespace pannier::bench

int main(int argc, char** argv) {
  using namespace pannier::bench;
  Options options;
  Program program("storage", "A get and a put of storage, in the process, beside the textbook's LRU.",
                  "storage_bench --keys 1000000 --rounds 15");
  program.options().add_option("--keys", options.keys,
                               "How many keys, one or several [10000 100000 1000000 10000000]");
  program.options()
      .add_option("--rounds", options.rounds, "How often all is measured [9]")
      ->check(CLI::Range(7, 1000));
  return program.run(argc, argv, [&](nlohmann::json& results) { work(options, results); });
}
