// An arena that was damaged anywhere: whatever its bytes are, attaching it, proving it and taking it over
// end, read nothing outside of it, and give a catalog that is sound. The input is a list of patches of a
// small arena (patched_arena.h).
#include <string_view>
#include <utility>
#include <variant>

#include "storage/arena_check.h"
#include "storage/check.h"
#include "storage/takeover.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/patched_arena.h"

namespace {

using namespace pannier::storage;
using namespace pannier::fuzz;

void take_over_damaged(int fd) {
  Arena::Made made = Arena::attach_copy(dup(fd));
  auto* arena = std::get_if<std::unique_ptr<Arena>>(&made);
  if (arena == nullptr) return;
  // What was closed cleanly is trusted.
  if ((*arena)->was_closed_cleanly()) return;
  CatalogOptions options;
  options.memory_bytes_max = kBytes;
  const bool is_sound = !ArenaCheck(**arena, options.charge).fault();
  NoListener listener;
  auto taken = take_over(options, listener, std::move(*arena), Arena::create, kNow);
  auto& took = std::get<TookOver>(taken);
  check(took.is_new_arena != is_sound, "what is sound is used, and nothing else");
  check(!Check::fault_of(*took.catalog), "what was taken over is sound");
  std::uint64_t steps = 0;
  while (took.catalog->step(kNow + 120'000, 1'000)) check(++steps < 1'000, "work ends");
  check(!Check::fault_of(*took.catalog), "what was taken over stays sound");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Image kImage;
  const std::string_view patches = pannier::fuzz::bytes_of(data, size);
  kImage.patch(patches);
  take_over_damaged(kImage.fd());
  kImage.take_back(patches);
  return 0;
}
