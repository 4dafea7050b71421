// What callers choose: how a client connects, and the options of the methods. Plain values; a
// default-constructed one leaves everything to the daemon, so designated initializers read well: `{.ttl =
// 5min, .sync = true}`.
//
// Durations are std::chrono; the wire has whole milliseconds, from 0 to 2^53. Ranges are checked by the
// daemon, which answers kBadRequest: this library knows no limits of its own but those of ClientOptions.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <ratio>
#include <string>
#include <string_view>
#include <variant>

namespace pannier {

/// A number that grows with each write to a cache and is never used twice in it; below 2^53.
using Version = std::uint64_t;
/// Names one lease; below 2^53.
using Token = std::uint64_t;

/// $PANNIER_SOCKET if it is set and not empty, else /run/pannier/pannier.sock.
std::string default_socket_path();

/// Whether a client reads entries out of the daemon's memory itself, which makes a hit many times faster and
/// changes nothing else. It maps that memory read-only, and has one connection more.
enum class SharedReads : std::uint8_t {
  kWhenItPays,  ///< from the seventeenth get on
  kAtOnce,
  kNever,
};

struct SharedReadOptions {
  /// A longer value, packed, is not read.
  std::uint64_t bytes_max = ~std::uint64_t{0};
  /// Whether the daemon's memory may be mapped by this call if it is not yet: that takes a request. Otherwise
  /// it makes no system call, and waits for nobody.
  bool may_attach = true;
};

struct ClientOptions {
  /// The daemon's socket, at most 107 bytes. Empty: default_socket_path().
  std::string path = {};
  /// For one attempt to connect.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(1);
  /// For a request as a whole, waiting for a free connection included.
  std::chrono::milliseconds request_timeout = std::chrono::seconds(5);
  /// The same for what waits for the disk or goes through a whole cache: sync, drop, clear, and put or erase
  /// with sync.
  std::chrono::milliseconds slow_request_timeout = std::chrono::minutes(1);
  /// How long a request looks for its answer again and again before it sleeps until that comes; 0: not at
  /// all. Each connection measures now and then whether that gains anything, and sleeps at once where not.
  /// 50 us suit a `get`.
  std::chrono::microseconds spin = std::chrono::microseconds(0);
  /// Called in the thread of a request that waits for its answer when a signal's handler has run there. What
  /// it throws ends the request, closes its connection, and reaches the caller. Empty: the request waits on.
  std::function<void()> on_signal = {};
  SharedReads shared_reads = SharedReads::kWhenItPays;
  /// Connections that requests share, at least 1. A request beyond that waits for one. Leases and
  /// subscriptions hold a connection each in addition.
  std::size_t pool_size = 4;
  /// A reply over this many bytes is a ProtocolError: bounds what a call can allocate.
  std::size_t reply_bytes_max = std::size_t{1} << 30;
  /// Told to the daemon by Client::hello.
  std::string client_name = "libpannier";
};

/// When an entry expires: after a duration, never, or as its cache has it (the default).
class Ttl {
 public:
  Ttl() = default;
  /// Fractions of a millisecond count as a whole one. 0: past its deadline at once.
  template <class Rep, class Period>
  Ttl(std::chrono::duration<Rep, Period> duration) : choice_(whole_ms(duration)) {}
  /// No deadline. In a cache of tier ttl that is kUnsupported.
  static Ttl none() { return Ttl(Never{}); }

  bool is_cache_default() const { return std::holds_alternative<CacheDefault>(choice_); }
  /// Nothing for none() and for the cache's default.
  std::optional<std::chrono::milliseconds> duration() const {
    const auto* duration = std::get_if<std::chrono::milliseconds>(&choice_);
    return duration ? std::optional(*duration) : std::nullopt;
  }

 private:
  struct CacheDefault {};
  struct Never {};
  explicit Ttl(Never never) : choice_(never) {}

  /// What milliseconds cannot hold (hours::max(), an infinite double) is the longest or the shortest of them.
  template <class Duration>
  static std::chrono::milliseconds whole_ms(Duration duration) {
    using std::chrono::milliseconds;
    const std::chrono::duration<long double, std::milli> exact = duration;
    if (!(exact < milliseconds::max())) return milliseconds::max();
    if (exact < milliseconds::min()) return milliseconds::min();
    return std::chrono::ceil<milliseconds>(duration);
  }

  std::variant<CacheDefault, Never, std::chrono::milliseconds> choice_;
};

/// What has to be true of the entry for a put to happen.
struct Always {};
struct IfAbsent {};
struct IfPresent {};
struct IfVersion {
  Version version;
};
using Condition = std::variant<Always, IfAbsent, IfPresent, IfVersion>;

struct PutOptions {
  Ttl ttl = {};
  /// Keep deadline and stale window of a live entry; with none live, `ttl` and `stale` count.
  bool keep_ttl = false;
  /// How long after its deadline `lease` may still answer the entry. Left out: as the cache has it.
  std::optional<std::chrono::milliseconds> stale = std::nullopt;
  Condition condition = Always{};
  /// Write only while this is the key's lease, and end it. (Lease::put does that by itself.)
  std::optional<Token> lease = std::nullopt;
  /// Answered when the entry is on disk (tier durable only).
  bool sync = false;
};

struct PutManyOptions {
  Ttl ttl = {};
  bool sync = false;
};

struct EraseOptions {
  /// Erase only this version.
  std::optional<Version> if_version = std::nullopt;
  /// Answered when the key is gone from disk (tier durable only).
  bool sync = false;
};

struct IncrementOptions {
  /// What an absent entry counts as. Left out: 0.
  std::optional<std::int64_t> initial = std::nullopt;
  /// The cache's default means here: an entry that is there keeps its deadline.
  Ttl ttl = {};
};

struct KeysOptions {
  /// KeysPage::next of the page before. Left out: from the start.
  std::optional<std::string> cursor = std::nullopt;
  std::string_view prefix = {};
  /// Keys a page, 1 to 10,000. Left out: 1,000.
  std::optional<std::uint64_t> limit = std::nullopt;
};

struct LeaseOptions {
  /// How long a lease lasts if it is granted; at least 1 ms. Left out: 10 s.
  std::optional<std::chrono::milliseconds> duration = std::nullopt;
  /// How long to wait while another one computes; 0: not at all. Left out: as long as `duration`.
  std::optional<std::chrono::milliseconds> wait = std::nullopt;
};

enum class Tier { kLru, kTtl, kDurable };
enum class Policy { kLru, kFifo };

/// As the protocol and the command write them, in the order of the enumerators.
inline constexpr std::array<std::string_view, 3> kTierNames = {"lru", "ttl", "durable"};
inline constexpr std::array<std::string_view, 2> kPolicyNames = {"lru", "fifo"};

/// The one of that name. Throws InvalidArgument, which tells the names, if there is none.
Tier tier_named(std::string_view name);
Policy policy_named(std::string_view name);

/// What a cache is opened with. What is left out is the daemon's default.
struct CacheSettings {
  Tier tier = Tier::kLru;
  std::optional<std::uint64_t> max_entries = std::nullopt;
  std::optional<std::uint64_t> max_bytes = std::nullopt;
  /// Required for tier ttl; at least 1 ms.
  std::optional<std::chrono::milliseconds> max_age = std::nullopt;
  std::optional<std::chrono::milliseconds> stale = std::nullopt;
  std::optional<std::uint64_t> reserved_bytes = std::nullopt;
  /// Which entry goes when the cache is full. Left out: the least recently used.
  std::optional<Policy> policy = std::nullopt;
  /// Set bounds and ages of a cache that exists, instead of kConflict.
  bool alter = false;
};

}  // namespace pannier
