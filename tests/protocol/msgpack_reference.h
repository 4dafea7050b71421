// msgpack-c as the judge of our own reading and writing, for tests and fuzz targets.
#pragma once

#include <cstddef>
#include <optional>

#include <msgpack.hpp>

#include "protocol/cursor.h"

namespace pannier::protocol {

struct ReferenceParse {
  enum class Result { kWhole, kCutShort, kMalformed };
  Result result;
  /// Of the object that is whole, in bytes.
  std::size_t size;
  /// Arrays and maps that were open at once, at most, in what was parsed.
  std::size_t depth;
};

/// What msgpack-c's parser makes of the first object in `bytes`.
ReferenceParse reference_parse(Bytes bytes);

/// Whether what `cursor` reads next is `object`, item for item; takes it. Calls itself for nested objects.
bool reads_as(Cursor& cursor, const msgpack::object& object);

}  // namespace pannier::protocol
