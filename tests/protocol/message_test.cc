#include "protocol/message.h"

#include <gtest/gtest.h>

#include "tests/protocol/hex.h"

namespace pannier::protocol {
namespace {

/// A message in one line, so that a test compares it at once.
struct Line {
  std::string operator()(const Request& request) const {
    return "request " + to_hex(request.id.encoded()) + " " + std::string(request.method) + " " +
           to_hex(request.params);
  }
  std::string operator()(const Notification& notification) const {
    return "notification " + std::string(notification.method) + " " + to_hex(notification.params);
  }
  std::string operator()(const Response& response) const {
    return "response " + to_hex(response.id.encoded()) + " error " + to_hex(response.error) + " result " +
           to_hex(response.result);
  }
  std::string operator()(const BadRequest& bad) const {
    return to_hex(bad.id.encoded()) + " bad request: " + bad.error.wire_text();
  }
  std::string operator()(const Ignored&) const { return "ignored"; }
  std::string operator()(const NotAMessage& none) const {
    return to_hex(none.id.encoded()) + " no message: " + none.error.wire_text();
  }
};

std::string line(std::string_view hex, Sender sender = Sender::kClient) {
  const std::string frame = from_hex(hex);
  return std::visit(Line(), read_message(frame, sender));
}

std::string id_of(std::string_view hex) { return to_hex(id_of_refused(from_hex(hex)).encoded()); }

TEST(Message, request_is_taken_apart) {
  EXPECT_EQ(line("94 00 01 a4 70696e67 90"), "request 01 ping 90");
  EXPECT_EQ(line("94 00 07 a3 676574 92 a3 6c7275 a1 6b"), "request 07 get 92 a3 6c 72 75 a1 6b");
}

TEST(Message, method_may_be_bin) { EXPECT_EQ(line("94 00 01 c4 04 70696e67 90"), "request 01 ping 90"); }

TEST(Message, msgid_of_any_encoding_is_kept_as_it_came) {
  for (const char* id :
       {"00", "7f", "ff", "e0", "cc 05", "cd 00 05", "ce ff ff ff ff", "cf ff ff ff ff ff ff ff ff", "d0 80",
        "d1 00 05", "d2 80 00 00 00", "d3 80 00 00 00 00 00 00 00"}) {
    EXPECT_EQ(line(std::string("94 00 ") + id + " a1 6d 90"), std::string("request ") + id + " m 90");
  }
}

TEST(Message, heads_in_longer_encodings_than_they_need_are_the_same) {
  EXPECT_EQ(line("dc 00 04 cc 00 01 d9 01 6d dc 00 00"), "request 01 m dc 00 00");
  EXPECT_EQ(line("dd 00 00 00 04 d3 00 00 00 00 00 00 00 00 01 db 00 00 00 01 6d dd 00 00 00 00"),
            "request 01 m dd 00 00 00 00");
}

TEST(Message, notification_is_taken_apart) {
  EXPECT_EQ(line("93 02 a3 676574 91 c0"), "notification get 91 c0");
  EXPECT_EQ(line("93 02 c4 03 676574 90"), "notification get 90");
}

TEST(Message, response_is_taken_apart) {
  EXPECT_EQ(line("94 01 05 c0 a4 706f6e67"), "response 05 error c0 result a4 70 6f 6e 67");
  EXPECT_EQ(line("94 01 05 a1 65 c0"), "response 05 error a1 65 result c0");
  EXPECT_EQ(line("94 01 05 92 01 02 81 a1 61 01"), "response 05 error 92 01 02 result 81 a1 61 01");
}

TEST(Message, nil_msgid_of_a_response_is_taken_from_a_server_alone) {
  EXPECT_EQ(line("94 01 c0 a1 65 c0", Sender::kServer), "response c0 error a1 65 result c0");
  EXPECT_EQ(line("94 01 c0 a1 65 c0"), "c0 no message: bad_request: the msgid is an integer, not nil");
  EXPECT_EQ(line("94 01 a1 78 c0 c0", Sender::kServer),
            "c0 no message: bad_request: the msgid is an integer, not string \"x\"");
}

TEST(Message, request_with_a_wrong_method_or_params_can_be_answered) {
  EXPECT_EQ(line("94 00 05 01 90"), "05 bad request: bad_request: the method is a string, not integer 1");
  EXPECT_EQ(line("94 00 05 c0 90"), "05 bad request: bad_request: the method is a string, not nil");
  EXPECT_EQ(line("94 00 05 a1 6d c0"), "05 bad request: bad_request: the params are an array, not nil");
  EXPECT_EQ(line("94 00 05 a1 6d 81 01 02"),
            "05 bad request: bad_request: the params are an array, not map of 1");
  EXPECT_EQ(line("94 00 ff 91 01 c0"), "ff bad request: bad_request: the method is a string, not array of 1");
}

TEST(Message, notification_with_a_wrong_method_or_params_is_ignored) {
  EXPECT_EQ(line("93 02 01 90"), "ignored");
  EXPECT_EQ(line("93 02 a1 6d c0"), "ignored");
}

TEST(Message, other_kinds_are_no_messages) {
  EXPECT_EQ(line("94 03 05 a1 6d 90"),
            "05 no message: bad_request: the kind of a message is 0, 1 or 2, not integer 3");
  EXPECT_EQ(line("94 ff 05 a1 6d 90"),
            "05 no message: bad_request: the kind of a message is 0, 1 or 2, not integer -1");
  EXPECT_EQ(line("94 c0 05 a1 6d 90"),
            "05 no message: bad_request: the kind of a message is 0, 1 or 2, not nil");
  EXPECT_EQ(line("91 a1 6d"),
            "c0 no message: bad_request: the kind of a message is 0, 1 or 2, not string \"m\"");
  EXPECT_EQ(line("90"), "c0 no message: bad_request: the kind of a message is 0, 1 or 2, not nothing");
}

TEST(Message, other_lengths_are_no_messages) {
  const std::string request =
      "no message: bad_request: a request is an array of 4: 0, msgid, method, params, not of ";
  EXPECT_EQ(line("91 00"), "c0 " + request + "1");
  EXPECT_EQ(line("92 00 05"), "05 " + request + "2");
  EXPECT_EQ(line("93 00 05 a1 6d"), "05 " + request + "3");
  EXPECT_EQ(line("95 00 05 a1 6d 90 c0"), "05 " + request + "5");
  const std::string notification =
      "no message: bad_request: a notification is an array of 3: 2, method, params, not of ";
  EXPECT_EQ(line("92 02 a1 6d"), "c0 " + notification + "2");
  EXPECT_EQ(line("94 02 05 a1 6d 90"), "c0 " + notification + "4");
  EXPECT_EQ(line("93 01 05 c0"),
            "05 no message: bad_request: a response is an array of 4: 1, msgid, error, result, not of 3");
}

TEST(Message, msgid_that_is_no_integer_is_no_message) {
  for (const char* id :
       {"c0", "c3", "a1 78", "cb 3f f0 00 00 00 00 00 00", "91 05", "80", "d4 01 02", "c4 01 05"}) {
    EXPECT_TRUE(line(std::string("94 00 ") + id + " a1 6d 90")
                    .starts_with("c0 no message: bad_request: the msgid is"))
        << id;
  }
}

TEST(Message, anything_but_an_array_is_no_message) {
  EXPECT_EQ(line("81 00 01"), "c0 no message: bad_request: a message is an array, not map of 1");
}

TEST(IdOfRefused, msgid_is_read_from_the_first_bytes) {
  EXPECT_EQ(id_of("94 00 05"), "05");
  EXPECT_EQ(id_of("94 00 cd 12 34 a3 70 75 74 93 c6 40"), "cd 12 34");
  EXPECT_EQ(id_of("dd ff ff ff ff 00 05"), "05");
}

TEST(IdOfRefused, nil_where_it_cannot_be_read) {
  for (const char* start : {"", "94", "94 00", "94 00 cd 12", "94 00 c0", "94 00 a1 78", "91 00", "94 00 c1",
                            "94 02 05 a1 6d 90", "93 02 05 90", "81 00 05", "dd ff ff"}) {
    EXPECT_EQ(id_of(start), "c0") << start;
  }
}

TEST(MessageId, integers_are_encoded_shortest) {
  EXPECT_EQ(to_hex(MessageId::from_integer(5).encoded()), "05");
  EXPECT_EQ(to_hex(MessageId::from_integer(300).encoded()), "cd 01 2c");
  EXPECT_EQ(to_hex(MessageId::from_integer(UINT64_MAX).encoded()), "cf ff ff ff ff ff ff ff ff");
}

TEST(MessageId, equality_is_that_of_the_bytes) {
  EXPECT_EQ(MessageId(), MessageId::from_encoded("\xc0"));
  EXPECT_EQ(MessageId::from_integer(5), MessageId::from_encoded("\x05"));
  EXPECT_FALSE(MessageId::from_integer(5) == MessageId::from_encoded("\xcc\x05"));
}

}  // namespace
}  // namespace pannier::protocol
