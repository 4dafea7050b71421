// Tape: the requests of a load, encoded beforehand, one after the other, and what each of them asks for. What
// a connection sends is a piece of it, as it lies there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/load/dialect.h"
#include "client/load/key_choice.h"

namespace pannier::load {

/// In the order of their names, where they are chosen from.
enum class Mix : std::uint8_t {
  kGet,
  kGetPut,   ///< nine gets to one put of the value that is there already
  kGetMany,  ///< of kManyKeys keys
  kPut,      ///< of the value that is there already
  kPutTtl,   ///< the same, with a time to live
};
inline constexpr std::size_t kManyKeys = 100;
/// Replies to kGetMany are kept until they are whole, so that larger ones would measure that.
inline constexpr std::size_t kManyValueBytesMax = 4096;

/// "get", "90/10", "get_many", "put", "put_ttl".
std::string_view name_of(Mix mix);
/// Of one request.
std::size_t keys_of(Mix mix);

/// Requests one after the other on a tape.
struct Slice {
  std::uint32_t first;
  std::uint32_t count;
};

class Tape {
 public:
  /// So many requests as fit a size that does not disturb, for keys in the order of the choice.
  static Tape of_load(const Dialect& dialect, const Entries& entries, Mix mix, KeyChoice choice);
  /// One put for each number from `first` to before `end`.
  static Tape of_puts(const Dialect& dialect, std::uint32_t first, std::uint32_t end);

  std::uint32_t size() const { return static_cast<std::uint32_t>(kinds_.size()); }
  std::string_view bytes(Slice slice) const {
    const std::uint64_t from = offsets_[slice.first];
    return std::string_view(bytes_).substr(from, offsets_[slice.first + slice.count] - from);
  }
  Asked asked(std::uint32_t index) const {
    return {kinds_[index],
            static_cast<std::uint16_t>(kIdMin + index % (UINT16_MAX - kIdMin + 1)),
            {&numbers_[index * keys_], keys_}};
  }

 private:
  void append(const Dialect& dialect, Kind kind);

  std::size_t keys_ = 1;  ///< of each request
  std::string bytes_;
  std::vector<std::uint64_t> offsets_{0};
  std::vector<Kind> kinds_;
  std::vector<std::uint32_t> numbers_;
};

}  // namespace pannier::load
