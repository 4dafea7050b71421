#include "daemon/erasing.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "daemon/backoff.h"

namespace pannier::daemon {

namespace {

using protocol::ErrorCode;
using storage::StoreError;
using storage::TimeMs;

constexpr std::uint64_t kRecordsPerStep = 2'000;  // each step on disk ends with an fsync

/// What clear and drop have in common: one client to answer once, and a disk to try again.
class DiskTask : public BackgroundTask, public std::enable_shared_from_this<DiskTask> {
 protected:
  DiskTask(Service& service, const Address& to)
      : service_(service), to_(to), ticket_(service.waits.take(to.connection, 0)) {}

  /// The client is answered and waits no more.
  void answered() { ticket_.reset(); }
  bool is_answered() const { return ticket_ == nullptr; }

  /// Answers the error, and lets step() be called again later.
  void failed(const StoreError& error) {
    if (!is_answered()) service_.replies.error(to_, {ErrorCode::kStorage, error.text});
    answered();
    const auto retry_ms = static_cast<TimeMs>(backoff_.next_ms());
    if (!service_.is_stopping) service_.background.add(service_.clock.now() + retry_ms, shared_from_this());
  }

  /// One step of erasing on disk; `range_` remembers where it is.
  void erase_on_disk() {
    service_.disk.erase_some(range_, kRecordsPerStep, [self = shared_from_this()](const auto& outcome) {
      if (const auto* error = std::get_if<StoreError>(&outcome)) return self->failed(*error);
      self->erased(std::get<storage::ErasedSome>(outcome));
    });
  }
  void erased(const storage::ErasedSome& some) {
    erased_live_ += some.erased_live;
    if (auto* cache = service_.catalog.find(range_.cache)) cache->set_disk_entries(some.disk_entries);
    if (some.unreadable && !unreadable_) {
      unreadable_ = some.unreadable;
      unreadable_from_ = range_.from_key;
    }
    range_.from_key = some.next_key.value_or("");
    if (!some.next_key) return end_of_range();
    may_go_on() ? erase_on_disk() : answer_stopping();
  }
  /// Around what cannot be read all else is erased. The next try begins there.
  void end_of_range() {
    const std::optional<StoreError> left = std::exchange(unreadable_, std::nullopt);
    if (!left) return erased_all();
    range_.from_key = unreadable_from_;
    failed(*left);
  }
  virtual void erased_all() = 0;
  /// Whether there is a next step although the daemon is stopping.
  virtual bool may_go_on() const = 0;

  void answer_stopping() {
    if (is_answered()) return;
    service_.replies.error(to_, {ErrorCode::kShuttingDown, "the daemon is stopping"});
    answered();
  }

  Service& service_;
  Address to_;
  std::shared_ptr<Waits::Ticket> ticket_;
  storage::EraseRange range_;
  std::uint64_t erased_live_ = 0;
  std::optional<StoreError> unreadable_;  ///< the first of this walk over the range
  std::string unreadable_from_;           ///< where the step began that met it
  Backoff backoff_;
};

class ClearTask final : public DiskTask {
 public:
  ClearTask(Service& service, const Address& to, storage::Cache& cache, std::string_view prefix, TimeMs now)
      : DiskTask(service, to), clear_(cache.clear_begin(prefix, now)), is_on_disk_(cache.is_durable()) {
    ++service.clears;
    dirty_sequence_ = service.catalog.write_back().sequence_last();
    range_ = {cache.id(), std::string(prefix), {}, cache.clear_version(clear_), now};
  }

  ~ClearTask() override { --service_.clears; }

  TimeMs step(TimeMs now) override {
    storage::Cache* cache = service_.catalog.find(range_.cache);
    if (cache == nullptr) {
      if (!is_answered())
        service_.replies.error(to_, {ErrorCode::kUnknownCache, "the cache was dropped while it was cleared"});
    } else if (!may_go_on()) {
      answer_stopping();
    } else if (is_on_disk_) {
      write_dirty();
    } else if (cache->clear_step(clear_, kVisitsPerStep)) {
      return now;
    } else {
      const auto count = cache->clear_end(clear_, erased_live_, now);
      if (!is_answered()) service_.replies.number(to_, count);
    }
    return storage::kNever;
  }

 private:
  void write_dirty() {
    service_.flusher.wait_clean(dirty_sequence_,
                                [this, self = shared_from_this()](const std::optional<StoreError>& error) {
                                  if (error) return failed(*error);
                                  erase_on_disk();
                                });
  }

  bool may_go_on() const override { return !service_.is_hurrying; }

  void erased_all() override {
    is_on_disk_ = false;
    service_.background.add(service_.clock.now(), shared_from_this());
  }

  storage::ClearId clear_;
  std::uint64_t dirty_sequence_ = 0;
  bool is_on_disk_;  ///< there is, or may be, something to erase on disk
};

class DropTask final : public DiskTask {
 public:
  DropTask(Service& service, const Address& to, storage::CacheId cache) : DiskTask(service, to) {
    range_.cache = cache;
  }

  TimeMs step(TimeMs) override {
    if (is_noted_) {
      erase_on_disk();
    } else {
      note();
    }
    return storage::kNever;
  }

 private:
  void note() {
    service_.disk.begin_drop(range_.cache,
                             [this, self = shared_from_this()](const std::optional<StoreError>& error) {
                               if (error) return failed(*error);
                               is_noted_ = true;
                               erase_on_disk();
                             });
  }

  bool may_go_on() const override { return !service_.is_stopping; }

  void erased_all() override {
    service_.disk.end_drop(range_.cache,
                           [this, self = shared_from_this()](const std::optional<StoreError>& error) {
                             if (error) return failed(*error);
                             if (!is_answered()) service_.replies.boolean(to_, true);
                           });
  }

  bool is_noted_ = false;  ///< on disk, that its records are to be erased
};

}  // namespace

void start_clear(Service& service, const Address& to, storage::Cache& cache, std::string_view prefix,
                 TimeMs now) {
  auto task = std::make_shared<ClearTask>(service, to, cache, prefix, now);
  const TimeMs again = task->step(now);
  if (again != storage::kNever) service.background.add(again, std::move(task));
}

void start_disk_drop(Service& service, const Address& to, storage::CacheId cache) {
  std::make_shared<DropTask>(service, to, cache)->step(service.clock.now());
}

void resume_disk_drop(Service& service, storage::CacheId cache) {
  start_disk_drop(service, {0, {}, true}, cache);
}

}  // namespace pannier::daemon
