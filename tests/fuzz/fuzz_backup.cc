// The file of `pannier backup`: whatever the bytes are, the decoder answers a fault or what can be written
// and read again. The checksums keep random bytes out, so each input is tried as a file, and again as what
// stands between right checksums: blocks of a kind, a length and a payload.
#include <xxhash.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>

#include "client/cli/backup_format.h"
#include "tests/fuzz/check.h"

namespace {

using namespace pannier::cli;
using pannier::fuzz::check;

BackupDecoder::Source source_of(std::string_view file) {
  return [file, at = std::size_t{0}](char* to, std::size_t size) mutable {
    const std::size_t got = std::min(size, file.size() - at);
    std::copy_n(file.data() + at, got, to);
    at += got;
    return got;
  };
}

/// What the file holds, written again; empty if it is not whole.
std::string rewritten(std::string_view file) {
  BackupDecoder decoder(source_of(file));
  auto part = decoder.next();
  const auto* start = std::get_if<BackupDecoder::Start>(&part);
  if (start == nullptr) return {};
  std::string again;
  BackupEncoder encoder(start->made_at_ms, [&again](std::string_view bytes) { again += bytes; });
  for (;;) {
    part = decoder.next();
    if (const auto* fault = std::get_if<BackupFault>(&part)) {
      check(fault->offset <= file.size(), "a fault lies within the file");
      return {};
    }
    if (const auto* end = std::get_if<BackupDecoder::End>(&part)) {
      encoder.end(end->totals.missing);
      check(encoder.totals() == end->totals, "the totals are those of what was read");
      return again;
    }
    if (const auto* cache = std::get_if<BackupCache>(&part)) {
      encoder.cache(*cache);
    } else {
      for (const auto& record : std::get<BackupDecoder::Records>(part).records) encoder.record(record);
    }
  }
}

void decode(std::string_view file) {
  const std::string again = rewritten(file);
  if (!again.empty()) check(rewritten(again) == again, "what is accepted survives being written again");
}

void seal(std::string& file, std::size_t from, std::uint64_t& checksum) {
  checksum = XXH3_64bits_withSeed(file.data() + from, file.size() - from, checksum);
  for (int shift = 56; shift >= 0; shift -= 8) file.push_back(static_cast<char>(checksum >> shift & 0xff));
}

/// Blocks from the input, each a kind, two bytes of length and a payload, behind right checksums.
std::string sealed(std::string_view input) {
  std::string file("PANNIERB\0\0\0\1\0\0\0\0\0\0\0\0", 20);
  std::uint64_t checksum = 0;
  seal(file, 0, checksum);
  while (input.size() >= 3) {
    const std::size_t size = std::min<std::size_t>(
        static_cast<unsigned char>(input[1]) << 8 | static_cast<unsigned char>(input[2]), input.size() - 3);
    const std::size_t from = file.size();
    file.push_back(input[0]);
    for (int shift = 24; shift >= 0; shift -= 8) file.push_back(static_cast<char>(size >> shift & 0xff));
    file += input.substr(3, size);
    seal(file, from, checksum);
    input.remove_prefix(3 + size);
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = pannier::fuzz::bytes_of(data, size);
  decode(bytes);
  decode(sealed(bytes));
  return 0;
}
