#include "daemon/huge_pages.h"

#include <sched.h>

#include "daemon/uv_work.h"

namespace pannier::daemon {

using storage::Arena;

namespace {

constexpr std::uint64_t kRetryMs = 60'000;  ///< after the system had none to spare

/// The system clears 2 MiB without letting others run: up to some milliseconds in a virtual machine.
bool has_another_processor() {
  cpu_set_t processors;
  return sched_getaffinity(0, sizeof processors, &processors) == 0 && CPU_COUNT(&processors) > 1;
}

}  // namespace

HugePages::HugePages(UvLoop& loop, const Arena& arena, Log& log)
    : loop_(loop), arena_(arena), log_(log), is_stopped_(!has_another_processor()), timer_(loop, [this] {
        ask();
      }) {}

void HugePages::poke() {
  if (is_stopped_ || is_asking_ || timer_.is_active()) return;
  if (arena_.huge_page_ahead(from_)) ask();
}

void HugePages::stop() {
  is_stopped_ = true;
  timer_.stop();
}

void HugePages::ask() {
  const auto offset = arena_.huge_page_ahead(from_);
  if (!offset) return;
  is_asking_ = true;
  from_ = *offset + Arena::kHugePageBytes;
  run_in_pool(
      loop_, [&arena = arena_, offset = *offset] { return arena.make_huge(offset); },
      [this](Arena::HugePage answer) { answered(answer); });
}

void HugePages::answered(Arena::HugePage answer) {
  is_asking_ = false;
  if (is_stopped_) return;
  switch (answer) {
    case Arena::HugePage::kMade:
      return poke();
    case Arena::HugePage::kNotNow:
      return timer_.start(kRetryMs);
    case Arena::HugePage::kImpossible:
      log_.info("memory is not in huge pages: the system has none for it (Linux 6.1 or later has)");
      return stop();
  }
}

}  // namespace pannier::daemon
