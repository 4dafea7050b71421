// pannier monitor
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "client/cli/command.h"
#include "client/cli/human.h"
#include "client/cli/json_value.h"
#include "client/cli/signals_noted.h"
#include "client/pool.h"
#include "client/round_trip.h"
#include "protocol/cursor.h"
#include "protocol/error.h"
#include "protocol/writer.h"

namespace pannier::cli {

namespace {

using protocol::Cursor;

/// Between two looks at whether a signal has come.
constexpr std::chrono::milliseconds kSlice{100};

struct Given {
  std::optional<std::uint64_t> one_in;
  std::string cache;
  std::string method;
  std::optional<std::uint64_t> count;
};

/// What the daemon tells of a request.
struct Seen {
  std::string method;
  std::string cache;
  std::string key;
  std::optional<std::uint64_t> keys;
  std::string outcome;
  std::uint64_t reply_bytes = 0;
  std::uint64_t took_ns = 0;
  std::uint64_t connection = 0;
  std::optional<std::uint64_t> pid;
  std::optional<std::uint64_t> uid;
};

std::string params_of(const Given& given) {
  std::string params;
  protocol::Writer writer(params);
  writer.array(1);
  writer.map(1 + (given.cache.empty() ? 0 : 1) + (given.method.empty() ? 0 : 1));
  writer.string("one_in");
  writer.unsigned_integer(given.one_in.value_or(1));
  if (!given.cache.empty()) {
    writer.string("cache");
    writer.string(given.cache);
  }
  if (!given.method.empty()) {
    writer.string("method");
    writer.string(given.method);
  }
  return params;
}

Seen read_seen(std::string_view packed) {
  Seen seen;
  Cursor fields(packed);
  for (auto left = fields.read_map().value_or(0); left > 0; --left) {
    const auto name = fields.read_string().value_or("");
    Cursor value(fields.read_object().value_or(""));
    if (name == "method") seen.method = value.read_string().value_or("");
    if (name == "cache") seen.cache = value.read_string().value_or("");
    if (name == "key") seen.key = value.read_string().value_or("");
    if (name == "keys") seen.keys = value.read_unsigned();
    if (name == "outcome") seen.outcome = value.read_string().value_or("");
    if (name == "reply_bytes") seen.reply_bytes = value.read_unsigned().value_or(0);
    if (name == "took_ns") seen.took_ns = value.read_unsigned().value_or(0);
    if (name == "connection") seen.connection = value.read_unsigned().value_or(0);
    if (name == "pid") seen.pid = value.read_unsigned();
    if (name == "uid") seen.uid = value.read_unsigned();
  }
  return seen;
}

/// In quotes if it is more than a word.
std::string name_text(const std::string& name) {
  const bool is_word = std::ranges::all_of(name, [](char letter) { return letter > ' ' && letter < 0x7f; });
  return is_word ? name : protocol::quoted(name);
}

std::string line_of(const Seen& seen) {
  std::string line = seen.method;
  if (!seen.cache.empty()) line += " " + name_text(seen.cache);
  if (!seen.key.empty()) line += " " + protocol::quoted(seen.key);
  if (seen.keys) line += " " + human_count(*seen.keys, "key", "keys");
  line += ": " + seen.outcome + ", " + human_bytes(seen.reply_bytes) + ", " +
          std::to_string(seen.took_ns / 1'000) + " us, connection " + std::to_string(seen.connection);
  if (seen.pid) line += " of pid " + std::to_string(*seen.pid);
  if (seen.uid) line += ", uid " + std::to_string(*seen.uid);
  return line;
}

void print(Session& session, std::string_view params) {
  Cursor cursor(params);
  cursor.read_array();
  const auto packed = cursor.read_object().value_or("");
  const auto left_out = cursor.read_unsigned().value_or(0);
  if (session.json()) {
    if (left_out > 0) session.print_json({{"left_out", left_out}});
    session.print_json(to_json(packed));
  } else {
    if (left_out > 0) session.print_line("... " + human_count(left_out, "request", "requests") + " left out");
    session.print_line(line_of(read_seen(packed)));
  }
  session.flush();
}

void monitor(Session& session, const Given& given) {
  detail::Pool pool(session.client_options());
  const auto deadline = detail::deadline_after(pool.options().request_timeout);
  const auto connection = pool.connect(deadline);
  connection->keep_notifications();
  detail::round_trip_on(*connection, detail::raw_request(pool.next_id(), "monitor", params_of(given)),
                        deadline);
  const SignalsNoted signals;
  for (std::uint64_t seen = 0; SignalsNoted::caught() == 0 && (!given.count || seen < *given.count);) {
    const auto notified = connection->next_notification(detail::deadline_after(kSlice));
    if (const auto* params = std::get_if<std::string>(&notified)) {
      print(session, *params);
      ++seen;
      continue;
    }
    const auto& failure = std::get<detail::Failure>(notified);
    if (failure.kind != detail::Failure::Kind::kTimedOut) detail::throw_failure(failure);
  }
  SignalsNoted::forget();  // that is how it ends
}

}  // namespace

void add_monitor(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.count("--one-in", given->one_in, "N", "One of N requests [1]");
  arguments.text("--cache", given->cache, "CACHE", "Requests to this cache alone");
  arguments.text("--method", given->method, "METHOD", "Requests of this method alone: get, put, ...");
  arguments.count("--count", given->count, "COUNT", "End after so many lines [never]");
  arguments.help(
      R"(Prints requests of all clients as they are answered: method, cache and key, how it ended (for get: hit or miss), the
size of the reply, the time it took in the daemon, and the connection with the process and the user that made it. At
most 1,000 lines a second; what is left out is said. Reads out of shared memory are no requests, and not seen. With
--json one object a line. Ctrl-C ends it. While one monitors, requests take the daemon's general way, which costs more:
on a busy daemon use --one-in and end it soon.

Example:
  pannier monitor --cache lru --method get --one-in 100)");
  arguments.run([&session, given] { monitor(session, *given); });
}

}  // namespace pannier::cli
