// A pipeline: many requests, sent at once, answered in their order. One round trip instead of many; no
// transaction: requests of others may be executed in between, and each request succeeds or fails by itself.
//
//   auto pipeline = client.pipeline();
//   pipeline.put("lru", "a", 1).get("lru", "b").increment("lru", "visits");
//   auto replies = pipeline.run();
//   std::optional<int> b = replies[1].value<int>();
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pannier/keys.h"
#include "pannier/options.h"
#include "pannier/value.h"

namespace pannier {

class Client;

/// The answer to one request of a pipeline: a result, or the error it failed with. Read it as the method has
/// it; each accessor throws the request's own error if it failed, and ProtocolError if the result is of
/// another kind.
class Reply {
 public:
  explicit Reply(std::string result) : outcome_(std::move(result)) {}
  explicit Reply(std::exception_ptr error) : outcome_(std::move(error)) {}

  bool ok() const noexcept { return std::holds_alternative<std::string>(outcome_); }
  /// Throws the error the request failed with (ServerError or a TransportError); nothing happens if it did
  /// not fail.
  void check() const;

  /// get: nothing on a miss.
  template <class T>
  std::optional<T> value() const {
    const auto packed = value_raw();
    return packed ? std::optional<T>(unpack<T>(*packed)) : std::nullopt;
  }
  std::optional<std::string> value_raw() const;
  /// get_many: in the order of the keys.
  std::vector<std::optional<std::string>> values_raw() const;
  /// put: nothing if the condition did not hold.
  std::optional<Version> version() const;
  /// erase, touch.
  bool flag() const;
  /// erase_many.
  std::uint64_t count() const;
  /// increment.
  std::int64_t integer() const;
  /// Any method: the result as MessagePack.
  const std::string& result() const;

 private:
  std::variant<std::string, std::exception_ptr> outcome_;
};

/// Not thread-safe: one thread at a time; several pipelines of one Client may run at once. May outlive its
/// Client. Methods and options are those of Client.
class Pipeline {
 public:
  Pipeline(Pipeline&& other) noexcept;
  Pipeline& operator=(Pipeline&& other) noexcept;
  ~Pipeline();

  Pipeline& get(std::string_view cache, std::string_view key);
  Pipeline& get_many(std::string_view cache, const KeyList& keys);
  template <class T>
  Pipeline& put(std::string_view cache, std::string_view key, const T& value,
                const PutOptions& options = {}) {
    return put_raw(cache, key, pack(value), options);
  }
  /// `packed` is one MessagePack object, else InvalidArgument (and nothing is added).
  Pipeline& put_raw(std::string_view cache, std::string_view key, std::string_view packed,
                    const PutOptions& options = {});
  Pipeline& erase(std::string_view cache, std::string_view key, const EraseOptions& options = {});
  Pipeline& erase_many(std::string_view cache, const KeyList& keys);
  Pipeline& touch(std::string_view cache, std::string_view key, Ttl ttl = {});
  Pipeline& increment(std::string_view cache, std::string_view key, std::int64_t delta = 1,
                      const IncrementOptions& options = {});
  /// Any other method; `params` is one MessagePack array, else InvalidArgument.
  Pipeline& call(std::string_view method, std::string_view params);

  /// Requests added since the last run().
  std::size_t size() const noexcept;

  /// Sends all requests, waits for all answers (ClientOptions::request_timeout for the whole) and empties the
  /// pipeline. As many replies as requests, in their order. Where the connection ends or time runs out in
  /// between, the requests that were not answered hold that error. Throws only if nothing was sent:
  /// ConnectionError, TimeoutError; the requests stay then. Never repeats a request whose bytes may have
  /// reached the daemon.
  std::vector<Reply> run();

 private:
  friend class Client;
  struct Batch;
  explicit Pipeline(std::unique_ptr<Batch> batch) noexcept;
  std::unique_ptr<Batch> batch_;
};

}  // namespace pannier
