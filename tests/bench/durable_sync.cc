// A sync of many dirty entries, beside the same records written to LevelDB directly and to Redis' log.
#include <fcntl.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "daemon/owned_fd.h"
#include "tests/bench/durable.h"
#include "tests/bench/program.h"
#include "tests/bench/rpc.h"
#include "tests/bench/table.h"
#include "tests/bench/work.h"

namespace pannier::bench {
namespace {

constexpr double kTargetPerSecond = 1'200'000;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20;

struct Rates {
  std::vector<double> sync;
  std::vector<double> with_puts;
};

void measure_pannier(std::uint64_t entries, Rates& rates) {
  const Server server(Peer::kPannier, only_on_sync(entries));
  const double put = seconds_of([&] { fill(server, entries); });
  const double sync = seconds_of([&] { sync_durable(server); });
  rates.sync.push_back(static_cast<double>(entries) / sync);
  rates.with_puts.push_back(static_cast<double>(entries) / (put + sync));
}

/// Sorted batches in the order in which the entries came, as the daemon writes them.
void write_batches(leveldb::DB& db, std::uint64_t entries) {
  const auto each = kBatchBytes / (kKeyBytes + kDurableValueBytes);
  const auto value = value_of(kDurableValueBytes);
  leveldb::WriteOptions synced;
  synced.sync = true;
  std::vector<Key> keys;
  for (std::uint64_t from = 0; from < entries; from += each) {
    keys.clear();
    for (auto i = from; i < std::min<std::uint64_t>(from + each, entries); ++i) keys.push_back(key_of(i));
    std::sort(keys.begin(), keys.end());
    leveldb::WriteBatch batch;
    for (const auto& key : keys) batch.Put({key.data(), key.size()}, {value.data(), value.size()});
    const auto status = db.Write(synced, &batch);
    if (!status.ok()) throw std::runtime_error("leveldb: " + status.ToString());
  }
}

/// With the buffers and tables of the daemon's.
void measure_leveldb(std::uint64_t entries, Rates& rates) {
  progress("leveldb");
  const test::TemporaryDirectory directory;
  const std::unique_ptr<const leveldb::FilterPolicy> filter(leveldb::NewBloomFilterPolicy(10));
  leveldb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = std::size_t{16} << 20;
  options.max_file_size = std::size_t{4} << 20;
  options.filter_policy = filter.get();
  leveldb::DB* opened = nullptr;
  const auto status = leveldb::DB::Open(options, directory.path() + "/db", &opened);
  if (!status.ok()) throw std::runtime_error("leveldb: " + status.ToString());
  const std::unique_ptr<leveldb::DB> db(opened);
  rates.sync.push_back(static_cast<double>(entries) / seconds_of([&] { write_batches(*db, entries); }));
}

/// Every file of Redis' log.
void fsync_all(const std::string& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const daemon::OwnedFd file(::open(entry.path().c_str(), O_RDONLY));
    if (!file.is_open() || ::fsync(file.get()) != 0) throw std::runtime_error("cannot fsync " + directory);
  }
}

void measure_redis(std::uint64_t entries, Rates& rates) {
  const Server server(Peer::kRedis, with_appendonly("everysec"));
  const auto log = std::filesystem::path(server.socket_path()).parent_path() / "appendonlydir";
  const double taken = seconds_of([&] {
    fill(server, entries);
    fsync_all(log);
  });
  rates.with_puts.push_back(static_cast<double>(entries) / taken);
}

void tell(Table& table, nlohmann::json& results, const std::string& name, const Rates& rates) {
  const bool has_sync = !rates.sync.empty();
  const bool has_puts = !rates.with_puts.empty();
  const bool is_ours = has_sync && has_puts;
  table.add({name, has_sync ? number(median_of(rates.sync), 0) : "", has_sync ? spread_of(rates.sync) : "",
             has_puts ? number(median_of(rates.with_puts), 0) : "",
             has_puts ? spread_of(rates.with_puts) : "",
             is_ours ? verdict(median_of(rates.sync) >= kTargetPerSecond) : ""});
  results[name] = {{"sync_per_second", rates.sync}, {"with_puts_per_second", rates.with_puts}};
}

}  // namespace

void measure_sync(const DurableOptions& options, nlohmann::json& results) {
  Rates pannier;
  Rates leveldb;
  Rates redis;
  for (std::uint64_t i = 0; i < options.repeats; ++i) {
    measure_pannier(options.entries, pannier);
    measure_leveldb(options.entries, leveldb);
    measure_redis(options.entries, redis);
  }
  progress("");
  Table table({"entries/s, " + std::to_string(options.entries) + " entries", "to disk alone", "spread",
               "with the puts", "spread", ""});
  tell(table, results, "pannier", pannier);
  tell(table, results, "leveldb, sorted batches", leveldb);
  tell(table, results, "redis, appendfsync everysec", redis);
  table.print();
  std::printf("target for pannier: a sync of %s entries/s; it is %s of leveldb's\n\n",
              number(kTargetPerSecond, 0).c_str(),
              number(median_of(pannier.sync) / median_of(leveldb.sync), 2).c_str());
}

}  // namespace pannier::bench
