// The hash of a key, and the order in which walks go through hashes.
#pragma once

#include <cstdint>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace pannier::storage {

/// XXH3 of the key's bytes. Who knows the seed can choose keys that collide, which makes lookups slow, and
/// not wrong; those who may map the arena know it.
inline std::uint64_t hash_of(std::string_view key, std::uint64_t seed) {
  return XXH3_64bits_withSeed(key.data(), key.size(), seed);
}
/// A seed from the system's source of random numbers.
std::uint64_t random_seed();

/// The bits of a hash in reverse: a bucket is those hashes that share their low bits, hence one unbroken
/// range of points. Its own inverse.
std::uint64_t point_of(std::uint64_t hash);

}  // namespace pannier::storage
