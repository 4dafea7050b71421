#include "daemon/shutdown.h"

#include <string>

namespace pannier::daemon {
namespace {

constexpr std::uint64_t kPollMs = 5;
constexpr std::uint64_t kTellMs = 1'000;
constexpr std::uint64_t kMoreTimeMs = 60'000;

}  // namespace

Shutdown::Shutdown(const ShutdownParts& parts)
    : parts_(parts),
      timer_(parts.loop, [this] { (this->*step_)(); }),
      tell_timer_(parts.loop, [this] { tell(); }) {}

void Shutdown::signaled() {
  if (!has_begun_) return begin();
  hurry();
}

void Shutdown::begin() {
  has_begun_ = true;
  parts_.manager.stopping();
  tell();
  parts_.log.info("stopping: no new connections and requests; a second signal hurries");
  parts_.server.stop_accepting();
  parts_.router.shut_down();
  // A clear that failed is tried once more, and not in a while.
  parts_.service.background.hasten(parts_.service.clock.now());
  when_reads_are_done();
}

void Shutdown::hurry() {
  if (is_hurried_) return;
  is_hurried_ = true;
  parts_.service.is_hurrying = true;
  parts_.log.warning("hurrying: what is not on disk yet is left out");
  if (is_flushing_) parts_.flusher.hurry();
}

void Shutdown::when_reads_are_done() {
  // Until then a request that waited for its key may still write.
  const bool is_busy =
      parts_.disk.reads_pending() > 0 || parts_.service.clears > 0 || parts_.service.many_calls > 0;
  if (is_busy && !is_hurried_) return again(&Shutdown::when_reads_are_done);
  is_flushing_ = true;
  for (auto* cache : parts_.catalog.caches()) cache->write_versions(parts_.service.clock.now());
  parts_.flusher.drain([this](const std::optional<storage::StoreError>&) { flushed(); });
  if (is_flushing_ && is_hurried_) parts_.flusher.hurry();
}

void Shutdown::flushed() {
  is_flushing_ = false;
  unwritten_entries_ = parts_.catalog.write_back().totals().entries;
  if (unwritten_entries_ > 0) {
    parts_.log.warning(
        std::to_string(unwritten_entries_) + " changed entries of the durable tier were not written to disk" +
        (parts_.memory_is_kept ? "; they are in the memory that is kept for the next process" : ""));
    return close_connections();
  }
  parts_.versions.stop([this](const std::optional<storage::StoreError>&) { close_connections(); });
}

void Shutdown::close_connections() {
  parts_.huge_pages.stop();
  parts_.server.close([this] { when_work_is_done(); });
}

void Shutdown::when_work_is_done() {
  const bool is_idle = parts_.disk.is_idle() && parts_.huge_pages.is_idle() && parts_.reload.is_idle();
  if (!is_idle) return again(&Shutdown::when_work_is_done);
  parts_.disk.end();
  parts_.loop.stop();
}

void Shutdown::tell() {
  const storage::DirtyTotals dirty = parts_.catalog.write_back().totals();
  std::string text = "stopping";
  if (dirty.entries > 0) {
    text += ": " + std::to_string(dirty.entries) + " entries (" + std::to_string(dirty.bytes) +
            " bytes) are still to be written to disk";
    if (const auto& error = parts_.flusher.last_error()) text += "; the last try failed: " + error->text;
  }
  parts_.manager.more_time(text, kMoreTimeMs);
  tell_timer_.start(kTellMs);
}

void Shutdown::again(void (Shutdown::*step)()) {
  step_ = step;
  timer_.start(kPollMs);
}

}  // namespace pannier::daemon
