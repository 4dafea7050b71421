// Bytes read from disk: whatever they are, decoding them answers a value or a damage. The checksum keeps
// random bytes out, so each input is tried as it is and again behind a right checksum; what is then accepted
// is encoded as it was.
#include <xxhash.h>

#include <string>
#include <variant>

#include "storage/record.h"
#include "tests/fuzz/check.h"

namespace {

using namespace pannier::storage;
using pannier::fuzz::check;

std::string sealed(std::string_view at, std::string_view body) {
  std::string bytes(body);
  const auto checksum = XXH3_64bits_withSeed(body.data(), body.size(), XXH3_64bits(at.data(), at.size()));
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(checksum >> shift & 0xff));
  return bytes;
}

void decode(std::string_view at, std::string_view bytes) {
  const auto record = decode_record(at, bytes);
  if (const auto* view = std::get_if<RecordView>(&record)) {
    const Record copy{std::string(view->value), view->version, view->deadline, view->stale_ms};
    const std::string encoded = encode_record(at, copy);
    const auto again = std::get<RecordView>(decode_record(at, encoded));
    check(again.value == copy.value && again.version == copy.version && again.deadline == copy.deadline &&
              again.stale_ms == copy.stale_ms,
          "a record survives being written again");
  }
  const auto definition = decode_definition(at, bytes);
  if (const auto* named = std::get_if<NamedSettings>(&definition)) {
    const std::string encoded = encode_definition(at, named->name, named->settings);
    const auto again = std::get<NamedSettings>(decode_definition(at, encoded));
    check(again.name == named->name && again.settings == named->settings,
          "a definition survives being written again");
  }
  const auto number = decode_number(at, bytes);
  if (const auto* value = std::get_if<std::uint64_t>(&number)) {
    check(encode_number(at, *value) == bytes, "a number that is accepted is encoded as it was");
  }
  const auto identity = decode_identity(at, bytes);
  if (const auto* digits = std::get_if<std::string>(&identity)) {
    check(encode_identity(at, *digits) == bytes, "an identity that is accepted is encoded as it was");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = pannier::fuzz::bytes_of(data, size);
  const std::string at = record_key(7, "key");
  decode(at, bytes);
  const std::string whole = sealed(at, bytes);
  decode(at, whole);
  check(std::holds_alternative<Damage>(decode_record(record_key(7, "kez"), whole)),
        "a value under another key is damage");
  return 0;
}
