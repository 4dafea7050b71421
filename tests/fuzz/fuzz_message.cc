// One frame, well formed or not: reading it as a message or item by item never leaves its bytes, error texts
// are valid UTF-8 and short, and on well-formed bytes Cursor reads what msgpack-c reads.

#include <string>

#include "protocol/message.h"
#include "tests/fuzz/check.h"
#include "tests/protocol/msgpack_reference.h"

namespace {

using namespace pannier::protocol;
using pannier::fuzz::check;

constexpr std::size_t kErrorTextBytesMax = 600;
/// reads_as calls itself; messages are never nested deeper.
constexpr std::size_t kDepthMax = 128;

struct CheckedMessage {
  Bytes frame;

  void inside(Bytes view) const {
    check(view.empty() ||
              (view.data() >= frame.data() && view.data() + view.size() <= frame.data() + frame.size()),
          "a view points into the frame");
  }
  void text(const Error& error) const {
    const std::string wire = error.wire_text();
    check(is_utf8(wire) && wire.size() <= kErrorTextBytesMax, "an error text is short and valid UTF-8");
  }
  void operator()(const Request& request) const {
    inside(request.method);
    inside(request.params);
    check(Cursor(request.params).peek() == Type::kArray, "params are an array");
  }
  void operator()(const Notification& notification) const {
    inside(notification.method);
    inside(notification.params);
    check(Cursor(notification.params).peek() == Type::kArray, "params are an array");
  }
  void operator()(const Response& response) const {
    inside(response.error);
    inside(response.result);
  }
  void operator()(const BadRequest& bad) const {
    check(Cursor(bad.id.encoded()).peek() == Type::kInteger,
          "a request that is answered has an integer msgid");
    text(bad.error);
  }
  void operator()(const Ignored&) const {}
  void operator()(const NotAMessage& none) const {
    check(none.id == id_of_refused(frame), "the msgid is read where it can be");
    text(none.error);
  }
};

bool take_item(Cursor& cursor) {
  return cursor.read_nil() || cursor.read_bool() || cursor.read_integer() || cursor.read_unsigned() ||
         cursor.read_float() || cursor.read_string() || cursor.read_array() || cursor.read_map() ||
         cursor.read_object();
}

void walk(Bytes bytes) {
  Cursor cursor(bytes);
  for (;;) {
    const Cursor before = cursor;
    const std::string text = described(before.rest());
    check(is_utf8(text) && text.size() <= kErrorTextBytesMax, "a description is short and valid UTF-8");
    if (!take_item(cursor)) {
      check(cursor.rest().size() == before.rest().size(), "what is not read is left in place");
      return;
    }
    check(cursor.rest().size() < before.rest().size(), "what is read is taken");
  }
}

void compare_with_reference(Bytes bytes) {
  const ReferenceParse reference = reference_parse(bytes);
  Cursor skipping(bytes);
  const auto object = skipping.read_object();
  const bool is_whole = reference.result == ReferenceParse::Result::kWhole;
  check(object.has_value() == is_whole, "an object is whole for both or for none");
  if (!is_whole || reference.depth > kDepthMax) return;
  check(object->size() == reference.size, "an object is as long as msgpack-c's");
  const msgpack::object_handle handle = msgpack::unpack(object->data(), object->size());
  Cursor reading(bytes);
  check(reads_as(reading, handle.get()), "items are as msgpack-c's");
  check(reading.rest().size() == skipping.rest().size(), "read and skipped objects end alike");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = pannier::fuzz::bytes_of(data, size);
  std::visit(CheckedMessage{bytes}, read_message(bytes, Sender::kClient));
  std::visit(CheckedMessage{bytes}, read_message(bytes, Sender::kServer));
  check(id_of_refused(bytes).encoded().size() <= 9, "a msgid is one integer or nil");
  check(is_utf8(quoted(bytes)), "quoted bytes are valid UTF-8");
  walk(bytes);
  compare_with_reference(bytes);
  return 0;
}
