#include "daemon/guard.h"

#include <algorithm>
#include <cctype>

#include "daemon/params.h"
#include "protocol/cursor.h"

namespace pannier::daemon {

using protocol::Bytes;
using protocol::Error;
using protocol::ErrorCode;

namespace {

std::string_view verb_of(Right right) {
  switch (right) {
    case Right::kRead:
      return "read";
    case Right::kWrite:
      return "write";
    case Right::kReadAndWrite:
      return "read and write";
  }
  return {};
}

/// The name of the cache that is the first parameter; nothing if there is none, which is for others to say.
std::optional<std::string_view> cache_in(Bytes params) {
  protocol::Cursor cursor(params);
  const auto name = cursor.read_array().value_or(0) > 0 ? cursor.read_string() : std::nullopt;
  return name && is_cache_name(*name) ? name : std::nullopt;
}

/// As TOML has keys: what is more than a word stands in quotes.
std::string key_text(std::string_view name) {
  const bool is_bare = std::ranges::all_of(name, [](char letter) {
    return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_' || letter == '-';
  });
  return is_bare ? std::string(name) : protocol::quoted(name);
}

std::string section_text(std::string_view cache) {
  return "[cache." + key_text(cache) + "] or [access] of pannierd's configuration";
}

Right right_of(Takes takes) {
  if (takes == Takes::kRead) return Right::kRead;
  return takes == Takes::kWrite ? Right::kWrite : Right::kReadAndWrite;
}

}  // namespace

Guard::Guard(const Access& access, Outbox& outbox, const Clock& clock, Log& log)
    : access_(access), outbox_(outbox), clock_(clock), log_(log) {
  access_changed();
}

void Guard::access_changed() {
  is_open_ = access_.is_open();
  ++edition_;
}

std::optional<Error> Guard::refusal(ConnectionId from, std::string_view method, Takes takes, Bytes params) {
  if (takes == Takes::kNothing || takes == Takes::kByHandler) return std::nullopt;
  const Visitor* const visitor = judged(from);
  if (visitor == nullptr) return std::nullopt;
  if (takes == Takes::kOperate) {
    if (may_operate(from)) return std::nullopt;
    return deny(
        *visitor, method,
        "may not operate the daemon; operators in [access] of pannierd's configuration names who may");
  }
  if (is_open_) return std::nullopt;
  if (takes == Takes::kReadAll) {
    if (may_read_all(from)) return std::nullopt;
    return deny(
        *visitor, method,
        "may not read every cache, and this reads all of them; over the socket it reads those that it may");
  }
  const auto cache = cache_in(params);
  if (takes == Takes::kAdminister) return refusal_to_administer(from, method, cache.value_or(""));
  return cache ? refusal(from, method, right_of(takes), *cache) : std::nullopt;
}

std::optional<Error> Guard::refusal(ConnectionId from, std::string_view method, Right right,
                                    std::string_view cache) {
  if (may(from, right, cache)) return std::nullopt;
  const std::string lists = right == Right::kRead    ? "readers in "
                            : right == Right::kWrite ? "writers in "
                                                     : "readers and writers in ";
  return deny(*outbox_.visitor(from), method,
              "may not " + std::string(verb_of(right)) + " cache " + protocol::quoted(cache) + "; " + lists +
                  section_text(cache) + " name who may");
}

std::optional<Error> Guard::refusal_to_administer(ConnectionId from, std::string_view method,
                                                  std::string_view cache) {
  const Visitor* const visitor = is_open_ ? nullptr : judged(from);
  if (visitor != nullptr && !access_.admins.has(visitor->peer)) {
    return deny(*visitor, method,
                "may not administer caches; admins in [access] of pannierd's configuration names who may");
  }
  return cache.empty() ? std::nullopt : refusal(from, method, Right::kWrite, cache);
}

bool Guard::may(ConnectionId from, Right right, std::string_view cache) const {
  const Visitor* const visitor = is_open_ ? nullptr : judged(from);
  return visitor == nullptr || has(*visitor, right, cache);
}

bool Guard::may_read_all(ConnectionId from) const {
  const Visitor* const visitor = is_open_ ? nullptr : judged(from);
  return visitor == nullptr || access_.reads_all(visitor->peer);
}

bool Guard::may_operate(ConnectionId from) const {
  const Visitor* const visitor = judged(from);
  return visitor == nullptr || access_.operators.has(visitor->peer);
}

const Visitor* Guard::judged(ConnectionId from) const {
  const Visitor* const visitor = outbox_.visitor(from);
  return visitor != nullptr && !visitor->is_trusted() ? visitor : nullptr;
}

bool Guard::has(const Visitor& visitor, Right right, std::string_view cache) const {
  if (visitor.is_trusted()) return true;
  const bool reads = right == Right::kWrite || access_.readers_of(cache).has(visitor.peer);
  const bool writes = right == Right::kRead || access_.writers_of(cache).has(visitor.peer);
  return reads && writes;
}

std::uint8_t Guard::judge(Visitor& visitor, const storage::Cache& cache) const {
  std::uint8_t rights = 0;
  for (const Right right : {Right::kRead, Right::kWrite}) {
    if (has(visitor, right, cache.name())) rights |= static_cast<std::uint8_t>(right);
  }
  visitor.verdicts[cache.id() % visitor.verdicts.size()] = {cache.id(), edition_, rights};
  return rights;
}

Error Guard::deny(const Visitor& visitor, std::string_view method, const std::string& what) {
  ++denied_;
  const std::string who = visitor.peer.uid == Peer::kNobody
                              ? "a peer that is not known"
                              : "the user with uid " + std::to_string(visitor.peer.uid);
  const std::string text = std::string(method) + ": " + who + " " + what;
  if (const auto left_out = told_.told(clock_.now())) {
    log_.warning("denied: " + text +
                 (*left_out > 0
                      ? "; " + std::to_string(*left_out) + " more were denied since the last such line"
                      : ""));
  }
  return {ErrorCode::kDenied, text};
}

}  // namespace pannier::daemon
