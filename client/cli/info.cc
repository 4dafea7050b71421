// pannier info
#include <vector>

#include "client/cli/command.h"
#include "client/cli/human.h"
#include "client/cli/json_value.h"
#include "client/cli/troubles.h"
#include "pannier/detail/result.h"
#include "protocol/cursor.h"

namespace pannier::cli {

namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string count_or_dash(const std::optional<std::uint64_t>& count) {
  return count ? human_count(*count) : "-";
}
std::string bytes_or_dash(const std::optional<std::uint64_t>& bytes) {
  return bytes ? human_bytes(*bytes) : "-";
}

std::string server_lines(const ServerInfo& server) {
  const double share = server.memory_limit == 0 ? 0
                                                : 100 * static_cast<double>(server.memory_used) /
                                                      static_cast<double>(server.memory_limit);
  return "pannierd " + server.version + ", pid " + std::to_string(server.pid) + ", up " +
         human_duration(server.uptime_ms) + ", " +
         human_count(server.connections, "connection", "connections") + ", " +
         human_count(server.requests, "request", "requests") +
         (server.denied > 0 ? ", " + human_count(server.denied) + " denied" : "") + "\nmemory " +
         human_bytes(server.memory_used) + " of " + human_bytes(server.memory_limit) + " (" +
         std::to_string(static_cast<int>(share)) + " %), expiry lag " + human_duration(server.expiry_lag_ms) +
         "\n";
}

/// Nothing if all is well.
std::string trouble_lines(const Info& info) {
  std::string lines;
  for (const auto& line : troubles_of(info.server)) lines += line + "\n";
  for (const auto& [name, cache] : info.caches) {
    if (cache.durable && !cache.durable->last_error.empty())
      lines += "not written to disk: cache " + name + ": " + cache.durable->last_error + "\n";
  }
  return lines;
}

std::vector<std::string> row_of(const std::string& name, const CacheInfo& cache) {
  return {name,
          cache.tier,
          human_count(cache.currsize),
          count_or_dash(cache.maxsize),
          human_rate(cache.hits, cache.misses),
          human_bytes(cache.used_bytes),
          bytes_or_dash(cache.max_bytes),
          human_count(cache.evictions),
          human_count(cache.expirations),
          cache.durable ? human_count(cache.durable->dirty_entries) : "-"};
}

void print_all(Session& session) {
  const auto info = session.client().info();
  Rows rows = {
      {"CACHE", "TIER", "ENTRIES", "MAX", "HIT RATE", "MEMORY", "MAX", "EVICTED", "EXPIRED", "DIRTY"}};
  for (const auto& [name, cache] : info.caches) rows.push_back(row_of(name, cache));
  session.print(server_lines(info.server) + trouble_lines(info) + "\n" + table(rows, 2));
}

// A field of any daemon, newer ones too: what it means for people follows from its name.
std::string remark_on(std::string_view name, std::uint64_t number) {
  if (name.ends_with("_bytes") && number >= 1024) return human_bytes(number);
  if (name.ends_with("_ms") && number >= 1000) return human_duration(number);
  return {};
}

std::vector<std::string> field_row(std::string_view name, std::string_view packed) {
  protocol::Cursor value(packed);
  if (const auto number = value.read_unsigned()) {
    // A moment, not a duration.
    if (name == "last_sync_ms")
      return {std::string(name), human_time(static_cast<std::int64_t>(*number)), ""};
    return {std::string(name), human_count(*number), remark_on(name, *number)};
  }
  if (const auto text = value.read_string()) return {std::string(name), std::string(*text), ""};
  return {std::string(name), value.read_nil() ? "-" : to_json(packed).text(), ""};
}

void print_one(Session& session, const std::string& packed) {
  const auto cache = detail::read_cache_info(packed);
  Rows rows;
  protocol::Cursor fields(packed);
  for (auto left = fields.read_map().value_or(0); left > 0; --left) {
    const auto name = fields.read_string().value_or("");
    rows.push_back(field_row(name, fields.read_object().value_or("")));
    if (name == "misses") rows.push_back({"hit rate", human_rate(cache.hits, cache.misses), ""});
  }
  session.print(table(rows, 3));
}

void info(Session& session, const std::string& cache) {
  if (cache.empty() && !session.json()) return print_all(session);
  const auto params = cache.empty() ? std::string("\x90") : pack(std::vector<std::string>{cache});
  const auto fields = session.client().call("info", params);
  if (session.json()) return session.print_json(to_json(fields));
  print_one(session, fields);
}

}  // namespace

void add_info(Arguments& arguments, Session& session) {
  const auto cache = std::make_shared<std::string>();
  arguments.optional("CACHE", *cache, "Everything about this cache [the daemon, and a line a cache]");
  arguments.help(
      R"(MAX stands twice: for entries and for bytes; - is no bound but the daemon's memory limit. DIRTY entries are
not on disk yet. With --json exactly what the daemon answers.

Examples:
  pannier info
  pannier info durable
  pannier info --json | jq .caches.lru.hits)");
  arguments.run([&session, cache] { info(session, *cache); });
}

}  // namespace pannier::cli
