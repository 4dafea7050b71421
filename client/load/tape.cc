#include "client/load/tape.h"

#include <algorithm>
#include <random>

namespace pannier::load {
namespace {

constexpr std::size_t kRequestsMax = std::size_t{1} << 18;
/// Fewer than this would ask for the same few keys again and again.
constexpr std::size_t kRequestsMin = std::size_t{1} << 11;
/// And of so many, large values would disturb the more.
constexpr std::size_t kPutsMin = std::size_t{1} << 6;
constexpr std::size_t kBytesMax = std::size_t{64} << 20;
constexpr std::uint64_t kSeed = 1;
constexpr std::uint64_t kPutsSeed = 2;
constexpr unsigned kRequestsAPut = 10;

bool is_put(Mix mix) { return mix == Mix::kPut || mix == Mix::kPutTtl; }

/// Of all its requests, or most.
Kind kind_of(Mix mix) {
  switch (mix) {
    case Mix::kGetMany:
      return Kind::kGetMany;
    case Mix::kPut:
      return Kind::kPut;
    case Mix::kPutTtl:
      return Kind::kPutTtl;
    case Mix::kGet:
    case Mix::kGetPut:
      break;
  }
  return Kind::kGet;
}

/// Of one on average.
std::size_t request_bytes(const Entries& entries, Mix mix) {
  constexpr std::size_t kHead = 32;
  const std::size_t without_value = kHead + keys_of(mix) * kKeyBytes;
  if (is_put(mix)) return without_value + entries.value_bytes();
  return without_value + (mix == Mix::kGetPut ? entries.value_bytes() / kRequestsAPut : 0);
}

}  // namespace

std::string_view name_of(Mix mix) {
  switch (mix) {
    case Mix::kGet:
      return "get";
    case Mix::kGetPut:
      return "90/10";
    case Mix::kGetMany:
      return "get_many";
    case Mix::kPut:
      return "put";
    case Mix::kPutTtl:
      return "put_ttl";
  }
  return "";
}

std::size_t keys_of(Mix mix) { return mix == Mix::kGetMany ? kManyKeys : 1; }

Tape Tape::of_load(const Dialect& dialect, const Entries& entries, Mix mix, KeyChoice choice) {
  Tape tape;
  tape.keys_ = keys_of(mix);
  const std::size_t least = is_put(mix) ? kPutsMin : kRequestsMin;
  const std::size_t count = std::clamp(kBytesMax / request_bytes(entries, mix), least, kRequestsMax);
  tape.numbers_ = choose_keys(choice, entries.count(), count * tape.keys_, kSeed);
  std::mt19937_64 random(kPutsSeed);
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_one_of_few = mix == Mix::kGetPut && random() % kRequestsAPut == 0;
    tape.append(dialect, is_one_of_few ? Kind::kPut : kind_of(mix));
  }
  return tape;
}

Tape Tape::of_puts(const Dialect& dialect, std::uint32_t first, std::uint32_t end) {
  Tape tape;
  for (auto number = first; number < end; ++number) tape.numbers_.push_back(number);
  for (auto number = first; number < end; ++number) tape.append(dialect, Kind::kPut);
  return tape;
}

void Tape::append(const Dialect& dialect, Kind kind) {
  const std::uint32_t index = size();
  kinds_.push_back(kind);
  dialect.append_request(bytes_, asked(index));
  offsets_.push_back(bytes_.size());
}

}  // namespace pannier::load
