#include "daemon/huge_pages.h"

#include "daemon/uv_work.h"

namespace pannier::daemon {

using storage::Arena;

namespace {

constexpr std::uint64_t kPauseMs = 5;       ///< between two of them: 400 MiB a second at most
constexpr std::uint64_t kRetryMs = 60'000;  ///< after the system had none

}  // namespace

HugePages::HugePages(UvLoop& loop, const Arena& arena, Log& log)
    : loop_(loop), arena_(arena), log_(log), timer_(loop, [this] { ask(); }) {}

void HugePages::poke() {
  if (is_stopped_ || is_asking_ || timer_.is_active()) return;
  if (next_offset_ + Arena::kHugePageBytes <= arena_.populated_bytes()) timer_.start(kPauseMs);
}

void HugePages::stop() {
  is_stopped_ = true;
  timer_.stop();
}

void HugePages::ask() {
  is_asking_ = true;
  run_in_pool(
      loop_, [&arena = arena_, offset = next_offset_] { return arena.make_huge(offset); },
      [this](Arena::HugePage answer) { answered(answer); });
}

void HugePages::answered(Arena::HugePage answer) {
  is_asking_ = false;
  switch (answer) {
    case Arena::HugePage::kMade:
      next_offset_ += Arena::kHugePageBytes;
      return poke();
    case Arena::HugePage::kNotNow:
      if (!is_stopped_) timer_.start(kRetryMs);
      return;
    case Arena::HugePage::kImpossible:
      log_.info("memory is not in huge pages: the system has none for it (Linux 6.1 or later has)");
      return stop();
  }
}

}  // namespace pannier::daemon
