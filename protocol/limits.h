// The limits of the wire: what a peer may send at most, and what it is refused with. Those that the contract
// fixes are constants; those that an operator may set are members. `hello` tells a client the ones in force.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pannier::protocol {

inline constexpr std::size_t kKeyBytesMax = 65'535;
inline constexpr std::size_t kCacheNameBytesMax = 255;
/// Durations, versions, tokens and sequences fit a double exactly, so that every language can hold them.
inline constexpr std::uint64_t kDurationMsMax = std::uint64_t{1} << 53;
inline constexpr std::uint64_t kKeysLimitDefault = 1'000;
inline constexpr std::uint64_t kKeysLimitMax = 10'000;
/// An error text repeats at most this many bytes of the value it is about.
inline constexpr std::size_t kQuotedBytesMax = 80;

/// The least that depth_max may be.
inline constexpr std::size_t kDepthLimitMin = 8;

struct FrameLimits {
  /// A whole message, in bytes; larger ones are refused from their announced lengths, before their bytes
  /// arrive.
  std::size_t frame_bytes_max = std::size_t{64} << 20;
  /// Nesting of arrays and maps in a message, the message's own array counted as 1.
  std::size_t depth_max = 128;
};

}  // namespace pannier::protocol
