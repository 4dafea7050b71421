// A stream of messages: FrameScanner finds the same ends and the same refusal however the stream is cut into
// pieces, and those are msgpack-c's. The limits are small, so that inputs reach them.

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/scanner.h"
#include "tests/fuzz/check.h"
#include "tests/protocol/msgpack_reference.h"

namespace {

using namespace pannier::protocol;
using pannier::fuzz::check;
using Result = ReferenceParse::Result;

constexpr FrameLimits kLimits{.frame_bytes_max = 2'000, .depth_max = 12};

struct Stream {
  std::vector<std::size_t> frame_sizes;
  std::size_t frames_bytes = 0;
  /// How it ended: the bytes that are still needed, or the refusal.
  std::string end;

  bool operator==(const Stream&) const = default;
};

/// Takes all messages from the first `size` bytes of what has not been taken yet. False after a refusal.
bool take_all(FrameScanner& scanner, Bytes arrived, Stream& stream) {
  for (;;) {
    const Bytes rest = arrived.substr(stream.frames_bytes);
    const ScanOutcome outcome = scanner.scan(rest);
    if (const auto* end = std::get_if<FrameEnd>(&outcome)) {
      check(end->size > 0 && end->size <= rest.size(), "a message ends within what has arrived");
      check(end->size <= kLimits.frame_bytes_max, "a message keeps the limit");
      stream.frame_sizes.push_back(end->size);
      stream.frames_bytes += end->size;
    } else if (const auto* more = std::get_if<NeedMore>(&outcome)) {
      check(more->bytes_min > rest.size(), "what is needed is more than what is there");
      check(more->bytes_min <= kLimits.frame_bytes_max + 4, "what is needed keeps the limit");
      stream.end = std::to_string(more->bytes_min);
      return true;
    } else {
      stream.end = std::get<Error>(outcome).wire_text();
      return false;
    }
  }
}

Stream scan_in_pieces(Bytes bytes, std::size_t piece_bytes) {
  FrameScanner scanner(kLimits);
  Stream stream;
  std::size_t arrived = 0;
  do {
    arrived = std::min(arrived + piece_bytes, bytes.size());
  } while (take_all(scanner, bytes.substr(0, arrived), stream) && arrived < bytes.size());
  return stream;
}

void check_end(const Stream& stream, Bytes rest) {
  const ReferenceParse reference = reference_parse(rest);
  if (stream.end.starts_with("too_large")) {
    check(reference.result != Result::kWhole || reference.size > kLimits.frame_bytes_max,
          "a whole message is taken");
  } else if (stream.end.starts_with("bad_request")) {
    const bool is_array = !rest.empty() && Cursor(rest).peek() == Type::kArray;
    check(reference.result == Result::kMalformed || reference.depth > kLimits.depth_max || !is_array,
          "what is refused is malformed, nested too deep or no array");
  } else {
    check(reference.result == Result::kCutShort, "what is awaited is cut short");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = pannier::fuzz::bytes_of(data, size);
  const Stream whole = scan_in_pieces(bytes, bytes.size() + 1);
  check(scan_in_pieces(bytes, 1) == whole, "byte by byte is the same as at once");
  check(scan_in_pieces(bytes, 7) == whole, "in pieces is the same as at once");

  Bytes rest = bytes;
  for (const std::size_t frame_size : whole.frame_sizes) {
    const ReferenceParse reference = reference_parse(rest);
    check(reference.result == Result::kWhole && reference.size == frame_size,
          "a message is as long as msgpack-c's");
    check(reference.depth <= kLimits.depth_max, "a message keeps the limit of nesting");
    rest.remove_prefix(frame_size);
  }
  check_end(whole, rest);
  return 0;
}
