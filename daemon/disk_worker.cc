#include "daemon/disk_worker.h"

#include <utility>

#include "daemon/uv_work.h"

namespace pannier::daemon {

using storage::StoreError;

namespace {

/// LevelDB's buffers, which it fills by and by.
constexpr std::size_t kWriterHeapBytes = std::size_t{31} << 20;

const StoreError* error_of(const std::optional<StoreError>& outcome) { return outcome ? &*outcome : nullptr; }

template <typename... Outcomes>
const StoreError* error_of(const std::variant<Outcomes...>& outcome) {
  return std::get_if<StoreError>(&outcome);
}

/// What a read could not read, be it all or some.
template <typename Outcome>
const StoreError* unread_of(const Outcome& outcome) {
  return error_of(outcome);
}
const StoreError* unread_of(const std::variant<storage::Scanned, StoreError>& outcome) {
  const auto* scanned = std::get_if<storage::Scanned>(&outcome);
  return scanned != nullptr ? error_of(scanned->unreadable) : error_of(outcome);
}
const StoreError* unread_of(const std::variant<storage::ErasedSome, StoreError>& outcome) {
  const auto* erased = std::get_if<storage::ErasedSome>(&outcome);
  return erased != nullptr ? error_of(erased->unreadable) : nullptr;
}
const StoreError* unread_of(const std::variant<storage::ImagePiece, StoreError>& outcome) {
  const auto* piece = std::get_if<storage::ImagePiece>(&outcome);
  if (piece == nullptr) return error_of(outcome);
  return piece->unreadable.empty() ? nullptr : &piece->unreadable.front().error;
}

}  // namespace

DiskWorker::DiskWorker(UvLoop& loop, storage::DurableStore& store, const DiskLimits& limits)
    : loop_(loop),
      store_(store),
      writer_(loop, kWriterHeapBytes),
      limits_(limits),
      next_answer_(loop, [this] { answer_next(); }),
      reopen_timer_(loop, [this] { reopen(); }),
      rest_timer_(loop, [this] { rest(); }) {}

template <typename Result, typename Method>
void DiskWorker::enqueue_write(Method method, std::function<void(Result)> done) {
  Job start = [this, method = std::move(method), done = std::move(done)]() mutable {
    auto job = [&store = store_, reopens = is_failing_, method = std::move(method)]() -> Result {
      if (auto error = reopens ? store.reopen() : std::nullopt) return std::move(*error);
      return method(store);
    };
    writer_.run(std::move(job), [this, done = std::move(done)](Result result) {
      write_ended(error_of(result) != nullptr);
      answer_later([done, result = std::move(result)]() mutable { done(std::move(result)); });
    });
  };
  write_jobs_.push_back({std::move(start), nullptr});
  start_write();
}

template <typename Result, typename Method>
void DiskWorker::enqueue_read(Method method, std::function<void(Result)> done) {
  read_jobs_.push_back([this, method = std::move(method), done = std::move(done)]() mutable {
    auto job = [&store = store_, method = std::move(method)]() -> Result { return method(store); };
    run_in_pool(loop_, std::move(job), [this, done = std::move(done)](Result result) {
      read_ended();
      if (const StoreError* error = unread_of(result)) note_unread(*error);
      done(std::move(result));
    });
  });
  start_reads();
}

void DiskWorker::start_write() {
  if (is_writing_ || write_jobs_.empty()) return;
  is_writing_ = true;
  const WriteJob job = std::move(write_jobs_.front());
  write_jobs_.pop_front();
  job.start();
}

void DiskWorker::answer_later(std::function<void()> answer) {
  write_answers_.push_back(std::move(answer));
  if (!is_answering_) answer_next();
}

void DiskWorker::answer_next() {
  is_answering_ = !write_answers_.empty();
  if (!is_answering_) return next_answer_.stop();
  // Until the next pass, in which there may be none: what comes in this one is not answered in it.
  next_answer_.start();
  const std::function<void()> answer = std::move(write_answers_.front());
  answer();
  write_answers_.pop_front();
}

void DiskWorker::write_ended(bool failed) {
  is_writing_ = false;
  is_failing_ = failed;
  if (failed) {
    reopen_timer_.start(backoff_.next_ms());
  } else {
    backoff_.reset();
    reopen_timer_.stop();
    rest_timer_.start(kRestMs);
  }
  start_write();
}

void DiskWorker::end() {
  reopen_timer_.stop();
  rest_timer_.stop();
}

void DiskWorker::rest() {
  if (is_failing_) return;
  if (is_writing_) return rest_timer_.start(kRestMs);
  Job start = [this] {
    writer_.run([&store = store_] { return store.rest(); }, [this](const auto& outcome) { rested(outcome); });
  };
  write_jobs_.push_back({std::move(start), nullptr});
  start_write();
}

void DiskWorker::rested(const std::variant<storage::Rested, StoreError>& outcome) {
  if (const StoreError* error = error_of(outcome)) {
    write_ended(true);
    return rest_failed_(*error);
  }
  is_writing_ = false;
  if (std::get<storage::Rested>(outcome).goes_on) rest_timer_.start(kRestMs);
  start_write();
}

void DiskWorker::reopen() {
  enqueue_write<std::optional<StoreError>>([](storage::DurableStore&) { return std::nullopt; },
                                           [](const std::optional<StoreError>&) {});
}

void DiskWorker::note_unread(const StoreError& error) {
  ++unread_.count;
  unread_.last = error.text;
  read_failed_(error);
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

void DiskWorker::write(storage::Batch batch, WriteDone done) {
  if (write_jobs_.empty() || !write_jobs_.back().group) {
    const auto group = std::make_shared<Group>();
    write_jobs_.push_back({[this, group] { write_group(group); }, group});
  }
  Group& group = *write_jobs_.back().group;
  group.batches.push_back(std::move(batch));
  group.done.push_back(std::move(done));
  start_write();
}

void DiskWorker::write_group(const std::shared_ptr<Group>& group) {
  using Result = std::variant<std::vector<storage::Wrote>, StoreError>;
  auto job = [&store = store_, reopens = is_failing_, group]() -> Result {
    if (auto error = reopens ? store.reopen() : std::nullopt) return std::move(*error);
    return store.write(group->batches);
  };
  writer_.run(std::move(job), [this, group](Result result) { group_ended(group, std::move(result)); });
}

void DiskWorker::group_ended(const std::shared_ptr<Group>& group,
                             std::variant<std::vector<storage::Wrote>, StoreError> outcome) {
  if (const auto* error = std::get_if<StoreError>(&outcome)) return fail_groups(group, *error);
  write_ended(false);
  auto& wrote = std::get<std::vector<storage::Wrote>>(outcome);
  for (std::size_t i = 0; i < wrote.size(); ++i) {
    answer_later([this, group, i, each = std::move(wrote[i])] {
      if (each.unreadable) note_unread(*each.unreadable);
      group->done[i](group->batches[i], each);
      group->batches[i] = {};
    });
  }
}

void DiskWorker::fail_groups(std::shared_ptr<Group> first, const StoreError& error) {
  std::vector<std::shared_ptr<Group>> failed{std::move(first)};
  for (const WriteJob& job : write_jobs_) {
    if (job.group) failed.push_back(job.group);
  }
  std::erase_if(write_jobs_, [](const WriteJob& job) { return job.group != nullptr; });
  ++groups_failed_;
  write_ended(true);
  for (const auto& group : failed) failed_batches_ += group->batches.size();
  for (auto group = failed.rbegin(); group != failed.rend(); ++group) {
    for (std::size_t i = (*group)->batches.size(); i-- > 0;) {
      answer_later([this, group = *group, i, error] {
        --failed_batches_;
        group->done[i](group->batches[i], error);
        group->batches[i] = {};
      });
    }
  }
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
      [this, done = std::move(done)](const std::variant<storage::ErasedSome, StoreError>& outcome) {
        if (const StoreError* error = unread_of(outcome)) note_unread(*error);
        done(outcome);
      });
}

void DiskWorker::reserve_versions(storage::Version bound, Done done) {
  enqueue_write<std::optional<StoreError>>(
      [bound](storage::DurableStore& store) { return store.reserve_versions(bound); }, std::move(done));
}

// Neither an attempt to write nor a success of one: `is_failing_` stays. What failed since it was asked for
// came before it, whatever was written between.
template <typename Result, typename Method>
void DiskWorker::enqueue_look(Method method, std::function<void(Result)> done) {
  Job start = [this, groups_failed = groups_failed_, method = std::move(method),
               done = std::move(done)]() mutable {
    const bool has_failed = is_failing_ || groups_failed_ != groups_failed;
    auto job = [&store = store_, failed = has_failed, method = std::move(method)]() -> Result {
      if (failed) return StoreError{"what is in memory could not be written to disk"};
      return method(store);
    };
    writer_.run(std::move(job), [this, done = std::move(done)](Result result) {
      is_writing_ = false;
      start_write();
      answer_later([done, result = std::move(result)] { done(result); });
    });
  };
  write_jobs_.push_back({std::move(start), nullptr});
  start_write();
}

void DiskWorker::open_image(ImageDone done) {
  enqueue_look<std::variant<Image, StoreError>>(
      [](storage::DurableStore& store) { return store.open_image(); }, std::move(done));
}

void DiskWorker::scan_in_turn(storage::CacheId cache, std::string from_key, std::uint64_t keys_max,
                              ScanDone done) {
  enqueue_look<std::variant<storage::Scanned, StoreError>>(
      [cache, from_key = std::move(from_key), keys_max](const storage::DurableStore& store) {
        return store.scan(cache, "", from_key, keys_max);
      },
      [this, done = std::move(done)](const std::variant<storage::Scanned, StoreError>& outcome) {
        if (std::holds_alternative<storage::Scanned>(outcome)) {
          if (const StoreError* error = unread_of(outcome)) note_unread(*error);
        }
        done(outcome);
      });
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
