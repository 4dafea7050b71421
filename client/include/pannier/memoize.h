// pannier::memoize: a function whose results are kept in a cache, and computed once for the whole host.
//
//   auto area = pannier::memoize(client.cache("areas"),
//                                [](int year, const std::string& region) { return survey(year, region); },
//                                {.ttl = std::chrono::hours(1), .stale = std::chrono::minutes(10)});
//   double hectares = area(2024, "north");
//
// What a call does:
// - The value is there: it is returned; one round trip, or none where it is read out of the daemon's memory.
// One that
//   this process had before is not even unpacked again, as long as its entry is the same: see
//   options.keep_bytes.
// - It is not: one caller on the host gets the key's lease (lease.h) and computes; the others wait for its
//   result. A holder that dies is replaced at once, one that is slow when its lease is over. Who has waited
//   for options.lease.wait computes by itself: nobody waits longer. A late result is returned to its caller.
// - It is stale (past its deadline, within options.stale): everybody gets it at once, but for one, who has
//   the lease and computes it anew; see options.refresh_on.
// - The function throws: nothing is cached, the exception reaches its caller, and the next one computes.
// - The cache fails: see options.on_error. A daemon that is away costs one attempt each options.retry_after;
//   between two of them calls compute at once. When it is back, it is used again.
// - The function calls itself for the key that its thread is computing: the inner call is computed directly,
//   as it would be without memoize, and only the outer result is cached.
//
// The key is options.prefix and then the MessagePack array of the arguments, as the function declares them
// (key.h tells which types have one form); or what a function of the caller's makes of them. Parameters own
// their data or are std::string_view; pointers are refused at compile time. A result is any type that value.h
// knows; one that the cache holds as another type (an older program has put it) counts as a failure of the
// cache, and is overwritten.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "pannier/client.h"
#include "pannier/kept_results.h"

namespace pannier {

/// What a call does when the cache fails with whatever Error.
enum class OnError {
  kCompute,  ///< compute; no Error reaches the caller
  kRaise,    ///< throw it
};

struct MemoizeOptions {
  /// Stands before each key: two functions in one cache need one each, lest they answer for each other.
  std::string prefix = {};
  /// Of each result, as in PutOptions.
  Ttl ttl = {};
  std::optional<std::chrono::milliseconds> stale = std::nullopt;
  /// `duration`: after which time another caller computes too; more than the function needs. `wait`: how long
  /// callers wait for another's result; as long as `duration` if left out. So all who have waited since the
  /// beginning compute when a lease is over; of a longer `wait`, one of them does and the others wait on.
  LeaseOptions lease = {};
  OnError on_error = OnError::kCompute;
  /// With kCompute: for how long after a TransportError the daemon is not asked.
  std::chrono::milliseconds retry_after = std::chrono::seconds(1);
  /// Open the cache with these settings whenever the daemon does not know it.
  std::optional<CacheSettings> open = std::nullopt;
  /// Runs a job on another thread (a pool of the program's). If given, whoever has to refresh a stale value
  /// hands that over and returns the stale value; the job throws what the function throws. A job that is not
  /// run leaves the refresh to a later caller; the Client has to outlive it. Left out: the caller refreshes.
  std::function<void(std::function<void()> job)> refresh_on = {};
  /// Results that are kept unpacked in this process while their entries are unchanged (never longer: whoever
  /// writes or erases one is noticed by the next call), in bytes of their packed form and 256 for each. Calls
  /// return copies. A longer result is not kept; 0: none is. Results that cannot be copied are not either.
  std::size_t keep_bytes = std::size_t{16} << 20;
  /// Told of every Error of the cache that reaches no caller, on the thread of the call. Must not throw.
  std::function<void(const Error&)> on_failure = {};
};

namespace detail {

/// What does not depend on the function's type. Thread-safe.
class Memo {
 public:
  Memo(Cache<> cache, MemoizeOptions options) : cache_(std::move(cache)), options_(std::move(options)) {}

  /// How a call goes on.
  struct Plan {
    /// Packed. Without a lease this is the result.
    std::optional<std::string> value = std::nullopt;
    /// The value is to be computed, and put with it...
    std::optional<Lease> lease = std::nullopt;
    /// ... or without it on this condition. Neither: it is not cached.
    std::optional<Condition> condition = std::nullopt;
  };

  const Cache<>& cache() const { return cache_; }
  const MemoizeOptions& options() const { return options_; }

  Plan plan(const std::string& key);
  void store(Plan& plan, const std::string& key, std::string_view packed);
  /// In the handler of `error`: throws it again if callers are to see it.
  void failed(const Error& error);

 private:
  bool is_to_be_left_alone();
  LeaseResult<std::string> lease(const std::string& key);

  Cache<> cache_;
  MemoizeOptions options_;
  /// On the steady clock; 0: the daemon has answered last time.
  std::atomic<std::chrono::steady_clock::rep> away_until_ = 0;
};

/// As long as it lives, this thread computes the key of the cache. Views both.
class Computing {
 public:
  Computing(const Cache<>& cache, std::string_view key);
  Computing(const Computing&) = delete;
  Computing& operator=(const Computing&) = delete;
  ~Computing();
};

/// The default key of a call.
struct PackArguments {
  template <class... Args>
  std::string operator()(const Args&... args) const {
    static_assert((!Unordered<Args> && ...), "an argument has to be packed the same way each time");
    StringSink sink;
    msgpack::packer<StringSink> packer(sink);
    packer.pack_array(sizeof...(Args));
    (packer.pack(args), ...);
    return std::move(sink.bytes);
  }
};

/// What a job keeps of an argument.
template <class Arg>
using Kept =
    std::conditional_t<std::is_same_v<std::decay_t<Arg>, std::string_view>, std::string, std::decay_t<Arg>>;

}  // namespace detail

/// A memoized function. Copies share everything; any number of threads may call it at once, if the function
/// itself may be called so. The Client of the cache has to outlive all calls.
template <class Signature>
class Memoized;

template <class R, class... Args>
class Memoized<R(Args...)> {
  static_assert(!std::is_void_v<R>, "a function without a result cannot be memoized");
  static_assert((!std::is_pointer_v<std::decay_t<Args>> && ...), "a parameter has to own its data");
  static_assert(((!std::is_lvalue_reference_v<Args> || std::is_const_v<std::remove_reference_t<Args>>)&&...),
                "what the function writes into a parameter would be lost where its result is cached");

 public:
  using Result = std::decay_t<R>;
  using Function = std::function<R(Args...)>;
  using KeyFunction = std::function<std::string(const std::decay_t<Args>&...)>;

  /// See memoize().
  Memoized(Cache<> cache, Function function, MemoizeOptions options, KeyFunction key_of)
      : shared_(std::make_shared<Shared>(std::move(cache), std::move(options), std::move(function),
                                         std::move(key_of))) {}

  /// The result, from the cache or computed. Throws what the function throws, and with OnError::kRaise every
  /// Error of the cache.
  Result operator()(Args... args) const {
    const std::string key = this->key(args...);
    if constexpr (std::is_copy_constructible_v<Result>) {
      if (const auto kept = shared_->kept(key)) return *kept;
    }
    auto plan = shared_->memo.plan(key);
    if (auto value = value_of(plan)) {
      if (plan.lease && !shared_->memo.options().refresh_on) return shared_->compute(plan, key, args...);
      if (plan.lease) refresh_elsewhere(std::move(plan), key, args...);
      return *std::move(value);
    }
    return shared_->compute(plan, key, args...);
  }

  /// The key of a call, with the prefix.
  std::string key(const std::decay_t<Args>&... args) const {
    return shared_->memo.options().prefix + shared_->key_of(args...);
  }
  /// Erases the result of such a call: the next one computes. Whether there was one. Errors as Client::erase.
  bool forget(const std::decay_t<Args>&... args) const { return shared_->memo.cache().erase(key(args...)); }

 private:
  struct Shared {
    Shared(Cache<> cache, MemoizeOptions options, Function fn, KeyFunction key_fn)
        : memo(std::move(cache), std::move(options)),
          function(std::move(fn)),
          key_of(std::move(key_fn)),
          results(memo.options().keep_bytes) {}

    /// The result of an entry of the daemon's memory; null if it is not there, or does not pay.
    std::shared_ptr<const Result> kept(const std::string& key) {
      const std::size_t bytes_max = memo.options().keep_bytes;
      if (bytes_max == 0) return nullptr;
      Client& client = memo.cache().client();
      if (auto known = results.find(client, key)) return known;
      try {
        Sighting sighting;
        const auto found = client.read_shared(memo.cache().name(), key, &sighting, {.bytes_max = bytes_max});
        if (!found) return nullptr;
        auto result = std::make_shared<const Result>(unpack<Result>(found->value));
        results.keep(key, result, found->value.size(), sighting);
        return result;
      } catch (const Error&) {
        return nullptr;  // the general way meets it too, and deals with it
      }
    }

    template <class... Given>
    Result compute(detail::Memo::Plan& plan, const std::string& key, Given&... args) {
      const detail::Computing computing(memo.cache(), key);
      Result result = function(static_cast<Args&&>(args)...);
      if (plan.lease || plan.condition) memo.store(plan, key, pack(result));
      return result;
    }

    detail::Memo memo;
    Function function;
    KeyFunction key_of;
    detail::KeptResults<Result> results;
  };

  /// Of a lease, which a std::function cannot hold, and of the arguments.
  struct Job {
    std::shared_ptr<Shared> shared;
    detail::Memo::Plan plan;
    std::string key;
    std::tuple<detail::Kept<Args>...> args;

    void run() {
      // Over at the end of this, whoever keeps the job.
      auto own_plan = std::move(plan);
      std::apply([&](auto&... own_args) { shared->compute(own_plan, key, own_args...); }, args);
    }
  };

  std::optional<Result> value_of(detail::Memo::Plan& plan) const {
    if (!plan.value) return std::nullopt;
    try {
      return unpack<Result>(*plan.value);
    } catch (const UnpackError& error) {
      shared_->memo.failed(error);
      plan.condition = Always{};
      return std::nullopt;
    }
  }

  void refresh_elsewhere(detail::Memo::Plan plan, const std::string& key,
                         const std::decay_t<Args>&... args) const {
    auto job = std::make_shared<Job>(Job{shared_, std::move(plan), key, {detail::Kept<Args>(args)...}});
    shared_->memo.options().refresh_on([job] { job->run(); });
  }

  std::shared_ptr<Shared> shared_;
};

template <class R, class... Args, class KeyOf>
Memoized(Cache<>, std::function<R(Args...)>, MemoizeOptions, KeyOf) -> Memoized<R(Args...)>;

/// `fn`: a function, or an object with one operator() that is no template; it has to be copyable, and safe
/// for as many threads as call it. `key_of`: called with the arguments, makes the key (1 to 65,535 bytes,
/// behind the prefix) instead of their MessagePack.
template <class Fn, class KeyOf = detail::PackArguments>
auto memoize(Cache<> cache, Fn fn, MemoizeOptions options = {}, KeyOf key_of = {}) {
  return Memoized(std::move(cache), std::function(std::move(fn)), std::move(options), std::move(key_of));
}

}  // namespace pannier
