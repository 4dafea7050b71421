// Real request traces of others, with the hit counts that independent simulators agree on: lru and fifo must
// meet them exactly. The traces are not part of the project: $PANNIER_TRACES names their directory.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "storage/catalog.h"

namespace pannier::storage {
namespace {

using nlohmann::json;

struct Request {
  char op = 'g';
  std::string key;
  std::uint64_t value_bytes = 0;
  std::uint64_t ttl_s = 0;
  TimeMs now = 0;
};

class Silent final : public ChangeListener {
 public:
  void changed(const Cache&, std::string_view, Change) override {}
};

std::uint64_t value_bytes_only(std::uint64_t, std::uint64_t value_bytes) { return value_bytes; }

std::filesystem::path traces_directory() {
  if (const char* given = std::getenv("PANNIER_TRACES")) return given;
  return std::filesystem::path(PANNIER_SOURCE_DIR) / ".." / "shared" / "traces";
}

std::vector<Request> read_trace(const std::filesystem::path& file) {
  const std::string command = "gzip -dc '" + file.string() + "'";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::string text;
  std::array<char, 65'536> piece{};
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), pipe.get()))
    text.append(piece.data(), got);
  std::istringstream lines(text);
  std::vector<Request> requests;
  for (Request request;
       lines >> request.op >> request.key >> request.value_bytes >> request.ttl_s >> request.now;) {
    request.now *= 1'000;
    requests.push_back(request);
  }
  return requests;
}

/// A cache with one bound, and a trace played to it.
class Replay {
 public:
  enum class Bound { kEntries, kBytes };

  Replay(PolicyKind policy, Bound bound, std::uint64_t limit) {
    Settings settings;
    settings.policy = policy;
    (bound == Bound::kEntries ? settings.entries_max : settings.bytes_max) = limit;
    catalog_.set_versions(1, kVersionMax);
    cache_ = &std::get<Opened>(catalog_.open("trace", settings, false, 0)).cache;
  }

  void get(const Request& request) {
    const bool is_hit = std::holds_alternative<Hit>(cache_->get(request.key, request.now));
    if (is_hit) hit_bytes_ += request.value_bytes;
  }

  /// A missed get stores what it asked for.
  void get_or_fill(const Request& request, std::uint64_t ttl_s) {
    const std::uint64_t misses = cache_->stats().misses;
    get(request);
    if (cache_->stats().misses > misses) put(request, ttl_s);
  }

  /// What is too large for the cache drops what was there.
  void put(const Request& request, std::uint64_t ttl_s) {
    PutOptions options;
    if (ttl_s > 0) options.ttl = {Ttl::Kind::kGiven, ttl_s * 1'000};
    values_.resize(std::max<std::size_t>(values_.size(), request.value_bytes));
    const std::string_view value(values_.data(), request.value_bytes);
    const PutOutcome outcome = cache_->put(request.key, value, options, request.now);
    if (std::holds_alternative<TooBig>(outcome)) erase(request);
  }

  void erase(const Request& request) { cache_->erase(request.key, std::nullopt, request.now); }

  CacheStats stats() const { return cache_->stats(); }
  std::uint64_t hit_bytes() const { return hit_bytes_; }

 private:
  Silent silent_;
  Catalog catalog_{{.memory_bytes_max = std::uint64_t{1} << 33, .charge = value_bytes_only}, silent_};
  Cache* cache_ = nullptr;
  std::string values_;
  std::uint64_t hit_bytes_ = 0;
};

void play(Replay& replay, const std::vector<Request>& requests, bool fills, std::uint64_t fill_ttl_s) {
  for (const Request& request : requests) {
    if (request.op == 's') {
      replay.put(request, request.ttl_s);
    } else if (request.op == 'd') {
      replay.erase(request);
    } else if (fills) {
      replay.get_or_fill(request, fill_ttl_s);
    } else {
      replay.get(request);
    }
  }
}

class TracesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream expected(traces_directory() / "expected.json");
    if (!expected) GTEST_SKIP() << "no traces in " << traces_directory() << ": set PANNIER_TRACES";
    expected_ = json::parse(expected);
  }

  std::vector<Request> requests_of(const json& trace) const {
    std::vector<Request> requests = read_trace(traces_directory() / trace.at("file").get<std::string>());
    EXPECT_EQ(requests.size(), trace.at("requests").get<std::size_t>());
    return requests;
  }

  json expected_;
};

constexpr std::array<std::pair<const char*, PolicyKind>, 2> kPolicies = {{
    {"lru", PolicyKind::kLru},
    {"fifo", PolicyKind::kFifo},
}};

TEST_F(TracesTest, hits_bounded_by_entries_are_exact) {
  for (const auto& [name, trace] : expected_.at("traces").items()) {
    if (!trace.contains("access_model_objects")) continue;
    const std::vector<Request> requests = requests_of(trace);
    for (const auto& [limit, hits] : trace.at("access_model_objects").items()) {
      for (const auto& [policy, kind] : kPolicies) {
        Replay replay(kind, Replay::Bound::kEntries, std::stoull(limit));
        for (const Request& request : requests) replay.get_or_fill(request, 0);
        EXPECT_EQ(replay.stats().hits, hits.at(policy).get<std::uint64_t>())
            << name << " " << limit << " " << policy;
      }
    }
  }
}

TEST_F(TracesTest, hits_bounded_by_bytes_are_exact) {
  for (const auto& [name, trace] : expected_.at("traces").items()) {
    if (!trace.contains("access_model_bytes")) continue;
    const std::vector<Request> requests = requests_of(trace);
    for (const auto& [limit, results] : trace.at("access_model_bytes").items()) {
      for (const auto& [policy, kind] : kPolicies) {
        Replay replay(kind, Replay::Bound::kBytes, std::stoull(limit));
        for (const Request& request : requests) replay.get_or_fill(request, 0);
        const json& expected = results.at(policy);
        EXPECT_EQ(replay.stats().hits, expected.at("hits").get<std::uint64_t>())
            << name << " " << limit << " " << policy;
        EXPECT_EQ(replay.hit_bytes(), expected.at("hit_bytes").get<std::uint64_t>()) << name << " " << limit;
      }
    }
  }
}

TEST_F(TracesTest, gets_sets_and_deletes_are_exact) {
  for (const auto& [name, trace] : expected_.at("traces").items()) {
    if (!trace.contains("op_model")) continue;
    const std::vector<Request> requests = requests_of(trace);
    for (const auto& [mode, limits] : trace.at("op_model").items()) {
      const auto bound = mode.starts_with("obj") ? Replay::Bound::kEntries : Replay::Bound::kBytes;
      for (const auto& [limit, expected] : limits.items()) {
        Replay replay(PolicyKind::kLru, bound, std::stoull(limit));
        play(replay, requests, !mode.ends_with("nofill"), 0);
        const std::string where = std::string(name).append(" ").append(mode).append(" ").append(limit);
        EXPECT_EQ(replay.stats().hits, expected.at("hits").get<std::uint64_t>()) << where;
        EXPECT_EQ(replay.stats().evictions, expected.at("evictions").get<std::uint64_t>()) << where;
      }
    }
  }
}

TEST_F(TracesTest, taking_expired_entries_back_never_costs_hits) {
  for (const auto& [name, trace] : expected_.at("traces").items()) {
    if (!trace.contains("op_model_imposed_ttl")) continue;
    const std::vector<Request> requests = requests_of(trace);
    for (const auto& [mode, limits] : trace.at("op_model_imposed_ttl").items()) {
      const auto bound = mode.starts_with("obj") ? Replay::Bound::kEntries : Replay::Bound::kBytes;
      const std::uint64_t fill_ttl_s = std::stoull(mode.substr(mode.find("fill") + 4));
      for (const auto& [limit, expected] : limits.items()) {
        Replay replay(PolicyKind::kLru, bound, std::stoull(limit));
        play(replay, requests, true, fill_ttl_s);
        EXPECT_GE(replay.stats().hits, expected.at("hits").get<std::uint64_t>())
            << name << " " << mode << " " << limit;
      }
    }
  }
}

}  // namespace
}  // namespace pannier::storage
