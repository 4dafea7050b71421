// Values between MessagePack and JSON, without loss of meaning in either direction:
//
//   nil, booleans, integers, floats, str, arrays   their JSON equals
//   map                                            object
//   bin                                            {"$bin": "BASE64"}
//   ext                                            {"$ext": [TYPE, "BASE64"]}
//   str that is not UTF-8                          {"$str": "BASE64"}
//   NaN, infinities                                {"$float": "nan" | "inf" | "-inf"}
//   map with keys that are no text, twice the      {"$map": [[KEY, VALUE], ...]}
//   same, or that would read as one of these
//
// What is lost is the width of numbers and lengths: a value that went through JSON is encoded in the shortest
// way.
#pragma once

#include <string>
#include <string_view>

#include "client/cli/json_text.h"

namespace pannier::cli {

/// What `pannier get --help` says of the forms above.
extern const char* const kJsonFormsHelp;

/// `packed`: one whole MessagePack object.
JsonText to_json(std::string_view packed);

/// A key as the wire has it: text, or a bin if it is not UTF-8.
JsonText key_json(std::string_view key);

/// `text` as MessagePack. Failed (kUsage): it is no JSON, one of the forms above is wrong, or it is nested
/// deeper than 1,000 levels.
std::string from_json_text(std::string_view text);

}  // namespace pannier::cli
