// Rights: what a request takes. The table of methods says it of each method.
#pragma once

#include <cstdint>

namespace pannier::daemon {

/// Of one cache; as bits.
enum class Right : std::uint8_t { kRead = 1, kWrite = 2, kReadAndWrite = 3 };

/// What a method takes of its caller. Every method is one of these, so that none is open to all by oversight.
enum class Takes : std::uint8_t {
  kNothing,       ///< everybody who may connect
  kRead,          ///< reading the cache, which is the first parameter
  kWrite,         ///< writing it
  kReadAndWrite,  ///< both
  kAdminister,    ///< administration; and writing the cache, if there is one
  kOperate,       ///< operation of the daemon
  kReadAll,       ///< reading every cache
  kByHandler,     ///< its handler asks the guard, for it takes one thing or another
};

}  // namespace pannier::daemon
