#include "daemon/disk_worker.h"

#include <utility>

#include "daemon/uv_work.h"

namespace pannier::daemon {

using storage::StoreError;

namespace {

bool is_error(const std::optional<StoreError>& outcome) { return outcome.has_value(); }

template <typename Answer>
bool is_error(const std::variant<Answer, StoreError>& outcome) {
  return std::holds_alternative<StoreError>(outcome);
}

}  // namespace

DiskWorker::DiskWorker(UvLoop& loop, storage::DurableStore& store, const DiskLimits& limits)
    : loop_(loop), store_(store), limits_(limits), reopen_timer_(loop, [this] { reopen(); }) {}

template <typename Result, typename Method>
void DiskWorker::enqueue_write(Method method, std::function<void(Result)> done) {
  write_jobs_.push_back([this, method = std::move(method), done = std::move(done)]() mutable {
    auto job = [&store = store_, reopens = is_failing_, method = std::move(method)]() -> Result {
      if (auto error = reopens ? store.reopen() : std::nullopt) return std::move(*error);
      return method(store);
    };
    run_in_pool(loop_, std::move(job), [this, done = std::move(done)](Result result) {
      write_ended(is_error(result));
      done(std::move(result));
    });
  });
  start_write();
}

template <typename Result, typename Method>
void DiskWorker::enqueue_read(Method method, std::function<void(Result)> done) {
  read_jobs_.push_back([this, method = std::move(method), done = std::move(done)]() mutable {
    auto job = [&store = store_, method = std::move(method)]() -> Result { return method(store); };
    run_in_pool(loop_, std::move(job), [this, done = std::move(done)](Result result) {
      read_ended();
      done(std::move(result));
    });
  });
  start_reads();
}

void DiskWorker::start_write() {
  if (is_writing_ || write_jobs_.empty()) return;
  is_writing_ = true;
  Job job = std::move(write_jobs_.front());
  write_jobs_.pop_front();
  job();
}

void DiskWorker::write_ended(bool failed) {
  is_writing_ = false;
  is_failing_ = failed;
  if (failed) {
    reopen_timer_.start(backoff_.next_ms());
  } else {
    backoff_.reset();
    reopen_timer_.stop();
  }
  start_write();
}

void DiskWorker::reopen() {
  enqueue_write<std::optional<StoreError>>([](storage::DurableStore&) { return std::nullopt; },
                                           [](const std::optional<StoreError>&) {});
}

void DiskWorker::start_reads() {
  while (reading_ < limits_.reads_at_once_max && !read_jobs_.empty()) {
    ++reading_;
    Job job = std::move(read_jobs_.front());
    read_jobs_.pop_front();
    job();
  }
}

void DiskWorker::read_ended() {
  --reading_;
  start_reads();
}

void DiskWorker::write(std::shared_ptr<const storage::Batch> batch, WriteDone done) {
  enqueue_write<std::variant<storage::Wrote, StoreError>>(
      [batch = std::move(batch)](storage::DurableStore& store) { return store.write(batch->items); },
      std::move(done));
}

void DiskWorker::define(storage::CacheId id, std::string name, const storage::Settings& settings, Done done) {
  enqueue_write<std::optional<StoreError>>(
      [id, name = std::move(name), settings](storage::DurableStore& store) {
        return store.define(id, name, settings);
      },
      std::move(done));
}

void DiskWorker::begin_drop(storage::CacheId id, Done done) {
  enqueue_write<std::optional<StoreError>>(
      [id](storage::DurableStore& store) { return store.begin_drop(id); }, std::move(done));
}

void DiskWorker::end_drop(storage::CacheId id, Done done) {
  enqueue_write<std::optional<StoreError>>([id](storage::DurableStore& store) { return store.end_drop(id); },
                                           std::move(done));
}

void DiskWorker::erase_some(storage::EraseRange range, std::uint64_t steps_max, EraseDone done) {
  enqueue_write<std::variant<storage::ErasedSome, StoreError>>(
      [range = std::move(range), steps_max](storage::DurableStore& store) {
        return store.erase_some(range, steps_max);
      },
      std::move(done));
}

void DiskWorker::reserve_versions(storage::Version bound, Done done) {
  enqueue_write<std::optional<StoreError>>(
      [bound](storage::DurableStore& store) { return store.reserve_versions(bound); }, std::move(done));
}

// Neither an attempt to write nor a success of one: `is_failing_` stays.
void DiskWorker::open_image(ImageDone done) {
  using Result = std::variant<Image, StoreError>;
  write_jobs_.push_back([this, done = std::move(done)] {
    auto job = [&store = store_, failed = is_failing_]() -> Result {
      if (failed) return StoreError{"what is in memory could not be written to disk"};
      return store.open_image();
    };
    run_in_pool(loop_, std::move(job), [this, done](Result result) {
      is_writing_ = false;
      start_write();
      done(std::move(result));
    });
  });
  start_write();
}

void DiskWorker::load(storage::CacheId cache, std::string key, LoadDone done) {
  enqueue_read<std::variant<storage::Record, storage::Absent, StoreError>>(
      [cache, key = std::move(key)](const storage::DurableStore& store) { return store.load(cache, key); },
      std::move(done));
}

void DiskWorker::scan(storage::CacheId cache, std::string prefix, std::string from_key,
                      std::uint64_t keys_max, ScanDone done) {
  enqueue_read<std::variant<storage::Scanned, StoreError>>(
      [cache, prefix = std::move(prefix), from_key = std::move(from_key), keys_max](
          const storage::DurableStore& store) { return store.scan(cache, prefix, from_key, keys_max); },
      std::move(done));
}

// Both give up the image on the thread of the pool: its end may have to wait for the disk.
void DiskWorker::read_image(Image image, storage::CacheId cache, std::string from_key,
                            std::uint64_t bytes_max, PieceDone done) {
  enqueue_read<std::variant<storage::ImagePiece, StoreError>>(
      [held = std::make_shared<Image>(std::move(image)), cache, from_key = std::move(from_key),
       bytes_max](const storage::DurableStore&) {
        const Image taken = std::move(*held);
        return taken->read(cache, from_key, bytes_max);
      },
      std::move(done));
}

void DiskWorker::close_image(Image image) {
  enqueue_read<std::optional<StoreError>>(
      [held = std::make_shared<Image>(std::move(image))](const storage::DurableStore&) {
        held->reset();
        return std::nullopt;
      },
      [](const std::optional<StoreError>&) {});
}

}  // namespace pannier::daemon
