// A reader of an arena that was damaged anywhere: whatever the bytes are, each read ends, and stays inside of
// the mapping. The input is a list of patches of a small arena (patched_arena.h).
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "storage/shared_reader.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/patched_arena.h"

namespace {

using namespace pannier::storage;
using namespace pannier::fuzz;

void read_damaged(int fd) {
  auto made = SharedReader::map(dup(fd));
  auto* reader = std::get_if<std::unique_ptr<SharedReader>>(&made);
  if (reader == nullptr) return;
  for (const std::string_view name : {"lru", "ttl", "durable", "none"}) {
    SharedReader::CacheAt cache;
    if (!(*reader)->find_cache(name, cache)) continue;
    (*reader)->entries(cache);
    for (int i = 0; i < 70; ++i) {
      const std::string key = "key" + std::to_string(i);
      std::string value;
      SharedReader::Seen seen;
      (*reader)->fetch_ahead(cache, key, SharedReader::Ahead::kHome);
      (*reader)->fetch_ahead(cache, key, SharedReader::Ahead::kEntry);
      (*reader)->get(cache, key, {value}, seen);
      check(value.size() <= kBytes, "a value is no larger than the arena");
      (*reader)->is_unchanged(cache, seen);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Image kImage;
  const std::string_view patches = bytes_of(data, size);
  kImage.patch(patches);
  read_damaged(kImage.fd());
  kImage.take_back(patches);
  return 0;
}
