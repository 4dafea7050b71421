#include "client/cli/progress.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "client/cli/human.h"

namespace pannier::cli {

namespace {

constexpr auto kPause = std::chrono::milliseconds(200);
constexpr const char* kWipe = "\r\x1b[K";

}  // namespace

Progress::Progress(std::string doing, std::uint64_t entries)
    : doing_(std::move(doing)), entries_(entries), is_shown_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (has_line_) std::fputs(kWipe, stderr);
}

void Progress::reached(std::uint64_t entries, std::uint64_t bytes) {
  if (!is_shown_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_at_) return;
  next_at_ = now + kPause;
  has_line_ = true;
  const std::string of = entries_ > 0 ? " of about " + human_count(entries_) : "";
  std::fprintf(stderr, "%s%s: %s%s entries, %s", kWipe, doing_.c_str(), human_count(entries).c_str(),
               of.c_str(), human_bytes(bytes).c_str());
}

}  // namespace pannier::cli
