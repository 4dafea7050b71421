// The error codes of the contract, and the text that goes over the wire: "code: what was wrong". The code is
// stable, the words after it are for people. Not here: which operation fails with what; each handler decides
// that.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/bytes.h"

namespace pannier::protocol {

enum class ErrorCode {
  kBadRequest,
  kUnknownMethod,
  kUnknownCache,
  kTooLarge,
  kConflict,
  kNotANumber,
  kDenied,
  kOverloaded,
  kOutOfMemory,
  kStorage,
  kUnsupported,
  kShuttingDown,
};
/// How many there are: 0 to kErrorCodes - 1 are codes.
inline constexpr std::size_t kErrorCodes = static_cast<std::size_t>(ErrorCode::kShuttingDown) + 1;

/// The code as it stands on the wire, e.g. "bad_request".
std::string_view code_name(ErrorCode code);

struct Error {
  ErrorCode code;
  std::string text;  ///< valid UTF-8, without the code

  /// "code: text", as it goes over the wire.
  std::string wire_text() const;
};

/// `bytes` between quotes: whole UTF-8 characters as they are, all else and control characters (U+0080 to
/// U+009F too, which terminals may take for commands) as \xNN, or \n \r \t \" \\. At most kQuotedBytesMax
/// bytes of it, never half a character, then "..." and the full length: `"abc..." (1234 bytes)`. Always valid
/// UTF-8.
std::string quoted(Bytes bytes);

/// Whether `bytes` is valid UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF).
bool is_utf8(Bytes bytes);

}  // namespace pannier::protocol
