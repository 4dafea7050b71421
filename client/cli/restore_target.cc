#include "client/cli/restore_target.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "client/cli/human.h"

namespace pannier::cli {

namespace {

using std::chrono::milliseconds;

/// What one pipeline holds at most, unless a single record is larger.
constexpr std::size_t kPipelineRecords = 1'000;
constexpr std::uint64_t kPipelineBytes = std::uint64_t{1} << 20;
/// How often in a row what was refused is tried again behind a sync without any of it being taken.
constexpr int kTriesMax = 10;

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(now).count();
}

milliseconds duration_of(std::uint64_t ms) { return milliseconds(static_cast<std::int64_t>(ms)); }

std::uint64_t bytes_of(const BackupRecord& record) { return record.key.size() + record.value.size(); }

CacheSettings settings_of(const BackupCache& cache) {
  CacheSettings settings{.tier = Tier::kDurable, .reserved_bytes = cache.reserved_bytes, .alter = true};
  if (cache.max_age_ms) settings.max_age = duration_of(*cache.max_age_ms);
  settings.stale = duration_of(cache.stale_ms);
  return settings;
}

bool fails_on_disk(const std::function<void()>& request) {
  try {
    request();
    return false;
  } catch (const ServerError& error) {
    if (error.code() != ErrorCode::kStorage) throw;
    return true;
  }
}

}  // namespace

void RestoreTarget::prepare(const std::vector<BackupCache>& caches) {
  session_.client().sync();  // so that the numbers of entries are exact
  const auto there = session_.client().info().caches;
  for (const auto& cache : caches) {
    if (const auto found = there.find(cache.name); found != there.end()) check(cache, found->second);
  }
  const auto is_there = [&](const BackupCache& cache) { return there.contains(cache.name); };
  for (const auto& cache : caches) {
    if (!is_there(cache) || existing_ != Existing::kKeep)
      session_.client().open(cache.name, settings_of(cache));
  }
  // Last: none is cleared for a restore that another one's settings keep from coming.
  for (const auto& cache : caches) {
    if (is_there(cache) && existing_ == Existing::kClear) empty(cache);
  }
}

// Damage on the daemon's disk keeps a clear from its end; what it hides is of no cache any more once the
// cache was dropped, although that has no end either.
void RestoreTarget::empty(const BackupCache& cache) {
  if (!fails_on_disk([&] { session_.client().clear(cache.name); })) return;
  fails_on_disk([&] { session_.client().drop(cache.name); });
  session_.client().open(cache.name, settings_of(cache));
}

void RestoreTarget::check(const BackupCache& cache, const CacheInfo& there) {
  if (there.tier != "durable") {
    throw Failed(ExitCode::kMiss,
                 "there is a cache " + cache.name + " of tier " + there.tier +
                     ", and the one of the backup is durable; nothing was restored.\n`pannier drop " +
                     cache.name + "` makes room for it.");
  }
  if (there.currsize == 0 || existing_ != Existing::kRefuse) return;
  throw Failed(ExitCode::kMiss, "the cache " + cache.name + " has " +
                                    human_count(there.currsize, "entry", "entries") +
                                    "; nothing was restored.\n--force replaces them, --keep restores only "
                                    "what is missing.");
}

void RestoreTarget::put(const std::string& cache, std::span<const BackupRecord> records) {
  Records waiting;
  std::uint64_t bytes = 0;
  for (const auto& record : records) {
    if (record.deadline_ms && *record.deadline_ms <= now_ms()) {
      ++counts_.expired;
      continue;
    }
    if (waiting.size() == kPipelineRecords || (bytes > 0 && bytes + bytes_of(record) > kPipelineBytes)) {
      put_all(cache, std::exchange(waiting, {}));
      bytes = 0;
    }
    waiting.push_back(&record);
    bytes += bytes_of(record);
  }
  put_all(cache, std::move(waiting));
}

// What is refused because too much waits for the disk is taken when that is written.
void RestoreTarget::put_all(const std::string& cache, Records records) {
  for (int tries = 0; !records.empty(); ++tries) {
    const auto before = records.size();
    records = put_once(cache, records);
    if (records.size() < before) tries = 0;
    if (records.empty()) return;
    if (tries == kTriesMax)
      throw ServerError(ErrorCode::kOverloaded, "overloaded: the daemon takes no more entries");
    session_.client().sync(cache);
  }
}

RestoreTarget::Records RestoreTarget::put_once(const std::string& cache, const Records& records) {
  auto pipeline = session_.client().pipeline();
  for (const auto* record : records) {
    PutOptions options{.ttl = Ttl::none(), .stale = duration_of(record->stale_ms)};
    if (record->deadline_ms)
      options.ttl = milliseconds(std::max<std::int64_t>(*record->deadline_ms - now_ms(), 0));
    if (existing_ == Existing::kKeep) options.condition = IfAbsent{};
    pipeline.put_raw(cache, record->key, record->value, options);
  }
  const auto replies = pipeline.run();
  Records refused;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    try {
      const bool is_written = replies[i].version().has_value();
      ++(is_written ? counts_.entries : counts_.kept);
      if (is_written) counts_.bytes += bytes_of(*records[i]);
    } catch (const ServerError& error) {
      if (error.code() != ErrorCode::kOverloaded) throw;
      refused.push_back(records[i]);
    }
  }
  return refused;
}

void RestoreTarget::finish(const std::vector<BackupCache>& caches) {
  for (const auto& cache : caches) session_.client().sync(cache.name);
}

}  // namespace pannier::cli
