#include "pannier/error.h"

#include <array>
#include <utility>

namespace pannier {

namespace {

struct Name {
  ErrorCode code;
  std::string_view text;
};

constexpr std::array kWireNames = {
    Name{ErrorCode::kBadRequest, "bad_request"},
    Name{ErrorCode::kUnknownMethod, "unknown_method"},
    Name{ErrorCode::kUnknownCache, "unknown_cache"},
    Name{ErrorCode::kTooLarge, "too_large"},
    Name{ErrorCode::kConflict, "conflict"},
    Name{ErrorCode::kNotANumber, "not_a_number"},
    Name{ErrorCode::kDenied, "denied"},
    Name{ErrorCode::kOverloaded, "overloaded"},
    Name{ErrorCode::kOutOfMemory, "out_of_memory"},
    Name{ErrorCode::kStorage, "storage"},
    Name{ErrorCode::kUnsupported, "unsupported"},
    Name{ErrorCode::kShuttingDown, "shutting_down"},
};

constexpr std::array kOwnNames = {
    Name{ErrorCode::kOther, "other"},           Name{ErrorCode::kInvalidArgument, "invalid_argument"},
    Name{ErrorCode::kConnection, "connection"}, Name{ErrorCode::kTimeout, "time_out"},
    Name{ErrorCode::kProtocol, "protocol"},     Name{ErrorCode::kUnpack, "unpack"},
};

}  // namespace

std::string_view error_code_name(ErrorCode code) noexcept {
  for (const auto& name : kWireNames) {
    if (name.code == code) return name.text;
  }
  for (const auto& name : kOwnNames) {
    if (name.code == code) return name.text;
  }
  return "other";
}

ServerError ServerError::from_wire(std::string_view error) {
  const auto word = error.substr(0, error.find(':'));
  for (const auto& name : kWireNames) {
    if (name.text == word) return ServerError(name.code, std::string(error));
  }
  return ServerError(ErrorCode::kOther, std::string(error));
}

}  // namespace pannier
