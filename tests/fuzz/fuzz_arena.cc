// An arena that was damaged anywhere: whatever its bytes are, attaching it, proving it and taking it over
// end, read nothing outside of it, and give a catalog that is sound. The input is a list of patches of a
// small arena: a place (three bytes, the lowest first) and the four bytes that are written there.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "storage/arena_check.h"
#include "storage/check.h"
#include "storage/takeover.h"
#include "tests/fuzz/check.h"

namespace {

using namespace pannier::storage;
using pannier::fuzz::check;

constexpr TimeMs kNow = 1'700'000'000'000;
constexpr std::uint64_t kBytes = Arena::kBytesMin;
constexpr std::uint64_t kHashSeed = 42;

class NoListener : public ChangeListener {
  void changed(const Cache&, std::string_view, Change) override {}
};

std::unique_ptr<Arena> arena_of(Arena::Made made) {
  auto* arena = std::get_if<std::unique_ptr<Arena>>(&made);
  check(arena != nullptr, "there is an arena");
  return std::move(*arena);
}

Cache& open(Catalog& catalog, std::string_view name, Tier tier) {
  Settings settings;
  settings.tier = tier;
  if (tier == Tier::kTtl) settings.age_ms_max = 60'000;
  return std::get<Opened>(catalog.open(name, settings, false, kNow)).cache;
}

void fill(Catalog& catalog) {
  Cache& lru = open(catalog, "lru", Tier::kLru);
  Cache& ttl = open(catalog, "ttl", Tier::kTtl);
  Cache& durable = open(catalog, "durable", Tier::kDurable);
  for (std::size_t i = 0; i < 60; ++i) {
    const std::string key = "key" + std::to_string(i);
    lru.put(key, std::string(i % 20 == 0 ? 1'500 : i, 'l'), {}, kNow);
    ttl.put(key, std::string(i, 't'), {}, kNow);
    durable.put(key, std::string(i % 20 == 0 ? 1'500 : i, 'd'), {}, kNow);
  }
  for (std::size_t i = 0; i < 60; i += 4) lru.erase("key" + std::to_string(i), std::nullopt, kNow);
  const auto batch = catalog.write_back().take_batch({.items_max = 40});
  catalog.write_back().batch_done(*batch, Wrote{{{durable.id(), 40}}});
  catalog.write_back().take_batch({.items_max = 5});
  for (std::size_t i = 0; i < 10; ++i) durable.erase("key" + std::to_string(i), std::nullopt, kNow);
}

/// The same bytes in each run: the seed of the hash is the only thing in it that is random.
std::string prepared() {
  NoListener listener;
  CatalogOptions options;
  options.memory_bytes_max = kBytes;
  auto arena = arena_of(Arena::create(kBytes));
  arena->header().hash_seed = kHashSeed;
  Catalog catalog(options, listener, std::move(arena));
  catalog.set_versions(1, kVersionMax);
  fill(catalog);
  std::string image(kBytes, '\0');
  check(pread(catalog.arena().fd(), image.data(), kBytes, 0) == static_cast<ssize_t>(kBytes),
        "the arena can be read");
  return image;
}

/// The prepared arena in a file, which nothing but patches changes, and these are taken back.
class Image {
 public:
  Image() : bytes_(prepared()), fd_(memfd_create("fuzz-arena", MFD_CLOEXEC)) { write(0, bytes_); }
  ~Image() { close(fd_); }
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  int fd() const { return fd_; }
  void patch(std::string_view patches) const {
    each(patches, [&](std::uint64_t place, std::string_view bytes) { write(place, bytes); });
  }
  void take_back(std::string_view patches) const {
    each(patches, [&](std::uint64_t place, std::string_view bytes) {
      write(place, std::string_view(bytes_).substr(place, bytes.size()));
    });
  }

 private:
  static constexpr std::size_t kPatchBytes = 7;

  template <typename Use>
  static void each(std::string_view patches, Use use) {
    for (; patches.size() >= kPatchBytes; patches.remove_prefix(kPatchBytes)) {
      std::uint64_t place = 0;
      for (std::size_t i = 0; i < 3; ++i)
        place |= std::uint64_t{static_cast<unsigned char>(patches[i])} << 8 * i;
      use(std::min(place % kBytes, kBytes - 4), patches.substr(3, 4));
    }
  }

  void write(std::uint64_t place, std::string_view bytes) const {
    check(pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(place)) ==
              static_cast<ssize_t>(bytes.size()),
          "the image can be written");
  }

  const std::string bytes_;
  const int fd_;
};

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
  static const Image image;
  const std::string_view patches = pannier::fuzz::bytes_of(data, size);
  image.patch(patches);
  take_over_damaged(image.fd());
  image.take_back(patches);
  return 0;
}
