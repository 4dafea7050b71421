// Dialect: what one server's clients say about a load's entries, and how long the replies are that they get.
// Replies are recognized by their first bytes: all keys are there and all values have one size, so that
// anything but the expected reply is a fault, and the length of a reply is known before it is whole. No I/O.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "client/load/entries.h"

namespace pannier::load {

/// A server answered something else than it had to, or not at all.
class Fault : public std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// There is no connection, it has ended, or nothing comes over it.
class NoConnection : public Fault {
  using Fault::Fault;
};

enum class Kind : std::uint8_t {
  kGet,
  kGetMany,
  kPut,
  kPutTtl,  ///< with a time to live of kTtl
};
inline constexpr std::chrono::seconds kTtl{3'600};
inline bool is_put(Kind kind) { return kind == Kind::kPut || kind == Kind::kPutTtl; }

/// One request: but for kGetMany with one number.
struct Asked {
  Kind kind;
  std::uint16_t id;  ///< from kIdMin on; where the protocol knows such a thing
  std::span<const std::uint32_t> numbers;
};

/// As large as the ids of a client that has been connected for a while.
inline constexpr std::uint16_t kIdMin = 256;

class Dialect {
 public:
  explicit Dialect(const Entries& entries) : entries_(entries) {}  ///< which outlive it
  virtual ~Dialect() = default;
  Dialect(const Dialect&) = delete;
  Dialect& operator=(const Dialect&) = delete;

  virtual void append_request(std::string& out, const Asked& asked) const = 0;
  /// How many bytes the reply has that `in` starts with; 0 while more of it is needed to tell. It may be more
  /// than there are. Throws Fault if it is not a hit, of every key, with a value of the right size; or not
  /// the confirmation of a write.
  virtual std::size_t reply_bytes(std::string_view in, const Asked& asked) const = 0;
  /// The whole reply as it has to be; nothing where that is not known beforehand.
  virtual void append_reply(std::string& out, const Asked& asked) const = 0;

 protected:
  const Entries& entries() const { return entries_; }

  /// Of a reply that starts with `head` and then has a fixed size: that size, `bytes`.
  static std::size_t bytes_of_one(std::string_view in, std::string_view head, std::size_t bytes);
  /// Of a reply of `head` and `count` items that each start with `item_head` and have `item_bytes`: its size
  /// when it is whole.
  static std::size_t bytes_of_many(std::string_view in, std::string_view head, std::string_view item_head,
                                   std::size_t item_bytes, std::size_t count);

 private:
  const Entries& entries_;
};

/// "not the expected reply: ...", with its first bytes made readable.
Fault wrong_reply(std::string_view in);

}  // namespace pannier::load
