// A small arena that is full of all kinds of things, in a file that patches are applied to and taken back
// from: for fuzz targets whose input is a list of patches: a place (three bytes, the lowest first) and the
// four bytes that are written there.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "storage/catalog.h"
#include "tests/fuzz/check.h"

namespace pannier::fuzz {

using namespace storage;

inline constexpr TimeMs kNow = 1'700'000'000'000;
inline constexpr std::uint64_t kBytes = Arena::kBytesMin;
inline constexpr std::uint64_t kHashSeed = 42;

class NoListener : public ChangeListener {
  void changed(const Cache&, std::string_view, Change) override {}
};

inline std::unique_ptr<Arena> arena_of(Arena::Made made) {
  auto* arena = std::get_if<std::unique_ptr<Arena>>(&made);
  check(arena != nullptr, "there is an arena");
  return std::move(*arena);
}

inline Cache& open(Catalog& catalog, std::string_view name, Tier tier) {
  Settings settings;
  settings.tier = tier;
  if (tier == Tier::kTtl) settings.age_ms_max = 60'000;
  return std::get<Opened>(catalog.open(name, settings, false, kNow)).cache;
}

inline void fill(Catalog& catalog) {
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
inline std::string prepared() {
  NoListener listener;
  CatalogOptions options;
  options.memory_bytes_max = kBytes;
  auto arena = arena_of(Arena::create(kBytes));
  arena->header().hash_seed = kHashSeed;
  Catalog catalog(options, listener, std::move(arena));
  catalog.set_versions(1, kVersionMax);
  fill(catalog);
  catalog.arena().serve_readers(0);
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

}  // namespace pannier::fuzz
