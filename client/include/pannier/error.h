// What can go wrong, as exceptions. Expected answers are no errors: a miss is an empty std::optional, a
// condition that did not hold is an empty version, a time-out of Subscription::next is an empty notification.
//
//   Error                 code() tells all of them apart
//   ├─ InvalidArgument    the call itself cannot be sent; nothing was
//   ├─ ServerError        pannierd answered with an error; the connection goes on
//   ├─ TransportError     no answer; may_have_run() tells whether the request may have been executed
//   │  ├─ ConnectionError cannot connect, or the connection ended
//   │  ├─ TimeoutError    the answer did not come in time
//   │  └─ ProtocolError   the peer does not speak version 1 of the wire contract
//   └─ UnpackError        the value was read, but is not of the C++ type that was asked for
//
// Every method of Client, Cache, Pipeline, Lease and Subscription that talks to the daemon can throw
// ServerError and the TransportErrors; what else a method throws stands beside it. Destructors never throw.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace pannier {

enum class ErrorCode {
  // Answered by the daemon (ServerError).
  kBadRequest,     ///< shape, type or option of the request
  kUnknownMethod,  ///< the daemon is older than this library
  kUnknownCache,   ///< no cache of this name: open it
  kTooLarge,       ///< key, value, request or reply over its limit (Client::hello tells the limits)
  kConflict,       ///< open: the cache exists with other settings
  kNotANumber,     ///< increment of something else than an integer, or overflow
  kDenied,         ///< this process may not do that
  kOverloaded,     ///< a limit is reached: try again later
  kOutOfMemory,    ///< the entry cannot fit whatever is evicted; the old entry stays
  kStorage,        ///< the daemon's disk failed
  kUnsupported,    ///< a cache of this tier cannot do that
  kShuttingDown,   ///< the daemon is stopping
  kOther,          ///< a code that this library does not know: see the text
  // Found by this library.
  kInvalidArgument,  ///< InvalidArgument
  kConnection,       ///< ConnectionError
  kTimeout,          ///< TimeoutError
  kProtocol,         ///< ProtocolError
  kUnpack,           ///< UnpackError
};

/// The code as the wire contract writes it ("unknown_cache"); the library's own ones in the same style
/// ("time_out").
std::string_view error_code_name(ErrorCode code) noexcept;

/// what() is a whole sentence for people: valid UTF-8, one line.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// An argument that could only produce a broken request, e.g. raw bytes that are not exactly one MessagePack
/// object. Limits that the daemon sets (length of a key, say) are not checked here: those are a ServerError.
class InvalidArgument : public Error {
 public:
  explicit InvalidArgument(const std::string& text) : Error(ErrorCode::kInvalidArgument, text) {}
};

/// The daemon refused: nothing was changed. what() is "code: what was wrong", as the daemon worded it.
class ServerError : public Error {
 public:
  ServerError(ErrorCode code, const std::string& text) : Error(code, text) {}
  /// From an error as it stands in a reply; a code that is not known becomes kOther.
  static ServerError from_wire(std::string_view error);
};

/// No answer came. The connection is closed and never used again.
class TransportError : public Error {
 public:
  TransportError(ErrorCode code, const std::string& text, bool may_have_run)
      : Error(code, text), may_have_run_(may_have_run) {}
  /// False: the request never left this process whole. True: the daemon may or may not have executed it.
  bool may_have_run() const noexcept { return may_have_run_; }

 private:
  bool may_have_run_;
};

class ConnectionError : public TransportError {
 public:
  ConnectionError(const std::string& text, int system_error, bool may_have_run)
      : TransportError(ErrorCode::kConnection, text, may_have_run), system_error_(system_error) {}
  /// The errno (ENOENT: no such socket, ECONNREFUSED: nobody listens, EACCES: may not); 0 if the daemon
  /// closed.
  int system_error() const noexcept { return system_error_; }

 private:
  int system_error_;
};

class TimeoutError : public TransportError {
 public:
  TimeoutError(const std::string& text, bool may_have_run)
      : TransportError(ErrorCode::kTimeout, text, may_have_run) {}
};

class ProtocolError : public TransportError {
 public:
  explicit ProtocolError(const std::string& text) : TransportError(ErrorCode::kProtocol, text, true) {}
};

class UnpackError : public Error {
 public:
  explicit UnpackError(const std::string& text) : Error(ErrorCode::kUnpack, text) {}
};

}  // namespace pannier
