// HotRequest: a get without options, or a put with none but `ttl_ms` and `sync`, as clients write nearly all
// of them, taken apart in one go instead of by FrameScanner, read_message and a Cursor, and the heads of its
// answers. What it finds is what those would find; what it does not know is no fault, but theirs to read.
//
// Both ends of the hot path's bytes are in this file alone; a fuzzer compares it with msgpack-c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "protocol/bytes.h"

namespace pannier::protocol {

/// All views point into the bytes that were read.
struct HotRequest {
  enum class Method : std::uint8_t { kGet, kPut };

  Method method;
  Bytes id;              ///< as it was encoded: an unsigned integer of 1 to 9 bytes
  Bytes params;          ///< the array of all that follows
  Bytes cache;           ///< 1 to 255 bytes, any
  Bytes key;             ///< 1 to kKeyBytesMax bytes
  Bytes value;           ///< of kPut: one whole object as it was encoded; an array or map has few KiB
  bool has_ttl;          ///< of kPut
  bool is_synced;        ///< of kPut: `sync` is true
  std::uint64_t ttl_ms;  ///< if it has one: at most kDurationMsMax
  std::size_t size;      ///< of the frame
};

/// The request that `bytes` begin with: [0, id, "get", [cache, key]], [0, id, "put", [cache, key, value]] or
/// [0, id, "put", [cache, key, value, options]]; the arrays, the method, the options' map and their names in
/// their shortest encodings. Nothing where it is another message, or is written otherwise, or is not whole.
std::optional<HotRequest> read_hot_request(Bytes bytes);

/// A put of which the last bytes of the value have not arrived.
struct HotPutStart {
  /// `value`: what there is of it, its head at least; `params`: those before it; `size`: of the whole frame.
  HotRequest request;
  std::uint64_t value_bytes;  ///< of the whole value
};

/// As read_hot_request() would read the frame when it is whole, if that is a put without options of which
/// `start` is a beginning that reaches into the value.
std::optional<HotPutStart> read_hot_put_start(Bytes start);

/// Append a response whole, or up to the object that must follow. `id`: a HotRequest's.
/// [1, id, nil, [ -  the value must follow.
void append_hit_start(std::string& out, Bytes id);
/// [1, id, nil, nil]
void append_miss(std::string& out, Bytes id);
/// [1, id, nil, version]
void append_version(std::string& out, Bytes id, std::uint64_t version);

}  // namespace pannier::protocol
