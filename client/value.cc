#include "pannier/value.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

#include "protocol/cursor.h"

namespace pannier::detail {

void throw_unpack_error(std::string_view packed, const char* type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type, nullptr, nullptr, &status),
                                                         &std::free);
  throw UnpackError("the value is " + protocol::described(packed) + ", which does not fit the type " +
                    (name ? name.get() : type));
}

}  // namespace pannier::detail
