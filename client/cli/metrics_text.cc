#include "client/cli/metrics_text.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/cursor.h"
#include "protocol/error.h"

namespace pannier::cli {

namespace {

using protocol::Cursor;

enum class Kind : std::uint8_t { kCounter, kGauge, kHistogram };

/// A metric that is one field of `info`.
struct Row {
  std::string_view field;
  std::string_view name;
  Kind type;
  std::string_view help;
  bool is_in_ms = false;  ///< the field; the metric is in seconds
};

constexpr auto kServerRows = std::to_array<Row>({
    {"uptime_ms", "pannier_uptime_seconds", Kind::kGauge, "Since the daemon started.", true},
    {"connections", "pannier_connections", Kind::kGauge, "Open connections."},
    {"connections_accepted", "pannier_connections_accepted_total", Kind::kCounter, "Connections that came."},
    {"connections_closed", "pannier_connections_closed_total", Kind::kCounter,
     "Of those that came, connections that have ended."},
    {"connections_refused", "pannier_connections_refused_total", Kind::kCounter,
     "Connections that were refused because of a limit."},
    {"denied", "pannier_denied_total", Kind::kCounter, "Requests that the configuration did not allow."},
    {"access_needs_restart", "pannier_access_needs_restart", Kind::kGauge,
     "1 while somebody may have the memory mapped who may not read every cache any more."},
    {"bytes_in", "pannier_received_bytes_total", Kind::kCounter, "Bytes received over all connections."},
    {"bytes_out", "pannier_sent_bytes_total", Kind::kCounter, "Bytes sent over all connections."},
    {"memory_limit", "pannier_memory_limit_bytes", Kind::kGauge, "Memory for entries and their bookkeeping."},
    {"memory_used", "pannier_memory_used_bytes", Kind::kGauge, "What is used of it."},
    {"buffer_bytes", "pannier_buffer_bytes", Kind::kGauge, "Input and output buffers of all connections."},
    {"expiry_lag_ms", "pannier_expiry_lag_seconds", Kind::kGauge,
     "How late the oldest entry is whose memory should have been taken back.", true},
    {"leases", "pannier_leases", Kind::kGauge, "Keys that a client computes."},
    {"lease_waiters", "pannier_lease_waiters", Kind::kGauge, "Requests that wait for a lease of another."},
    {"subscriptions", "pannier_subscriptions", Kind::kGauge, "Subscriptions to caches."},
    {"shared_readers", "pannier_shared_readers", Kind::kGauge,
     "Clients that read entries out of the daemon's memory."},
    {"waiting_for_disk", "pannier_waiting_for_disk", Kind::kGauge, "Requests that wait for the disk."},
    {"disk_failing", "pannier_disk_failing", Kind::kGauge,
     "1 if the last write to disk failed and none has succeeded since."},
    {"read_errors", "pannier_disk_read_errors_total", Kind::kCounter,
     "Reads from disk that failed or had to leave something out."},
});

constexpr auto kCacheRows = std::to_array<Row>({
    {"hits", "pannier_cache_hits_total", Kind::kCounter, "Keys that were asked for and found."},
    {"shared_hits", "pannier_cache_shared_hits_total", Kind::kCounter,
     "Of the hits, those that clients have read out of the daemon's memory."},
    {"misses", "pannier_cache_misses_total", Kind::kCounter, "Keys that were asked for and not found."},
    {"puts", "pannier_cache_puts_total", Kind::kCounter, "Entries written."},
    {"deletes", "pannier_cache_deletes_total", Kind::kCounter, "Entries deleted one by one."},
    {"cleared", "pannier_cache_cleared_total", Kind::kCounter, "Entries that went by a clear."},
    {"evictions", "pannier_cache_evictions_total", Kind::kCounter, "Entries that went for space."},
    {"expirations", "pannier_cache_expirations_total", Kind::kCounter, "Entries that passed their deadline."},
    {"currsize", "pannier_cache_entries", Kind::kGauge, "Entries, on disk too."},
    {"maxsize", "pannier_cache_max_entries", Kind::kGauge, "Most entries, where that is bounded."},
    {"used_bytes", "pannier_cache_used_bytes", Kind::kGauge, "Keys, values and overhead in memory."},
    {"max_bytes", "pannier_cache_max_bytes", Kind::kGauge, "Most of these, where that is bounded."},
    {"reserved_bytes", "pannier_cache_reserved_bytes", Kind::kGauge, "Memory that other caches cannot take."},
    {"dirty_entries", "pannier_cache_dirty_entries", Kind::kGauge, "Entries that are not on disk yet."},
    {"dirty_bytes", "pannier_cache_dirty_bytes", Kind::kGauge, "The same in bytes."},
    {"oldest_dirty_ms", "pannier_cache_oldest_dirty_seconds", Kind::kGauge,
     "For how long the oldest of them waits; absent if there is none.", true},
    {"last_sync_ms", "pannier_cache_last_sync_timestamp_seconds", Kind::kGauge,
     "When entries were last written to disk, since 1970.", true},
    {"last_sync_duration_ms", "pannier_cache_last_sync_duration_seconds", Kind::kGauge, "How long that took.",
     true},
    {"sync_errors", "pannier_cache_sync_errors_total", Kind::kCounter, "Writes to disk that failed."},
});

/// Upper bounds of the histograms' buckets. A time that is within a hundredth of one may count in the next.
constexpr std::array<std::uint64_t, 22> kBoundsNs = {
    1'000,         2'500,         5'000,         10'000,        25'000,      50'000,
    100'000,       250'000,       500'000,       1'000'000,     2'500'000,   5'000'000,
    10'000'000,    25'000'000,    50'000'000,    100'000'000,   250'000'000, 500'000'000,
    1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;
/// Fields of a map, each value as it is encoded.
using PackedFields = std::map<std::string_view, std::string_view>;

std::string_view name_of(Kind type) {
  if (type == Kind::kHistogram) return "histogram";
  return type == Kind::kCounter ? "counter" : "gauge";
}

/// Seconds, exactly.
std::string decimal(std::uint64_t count, std::uint64_t parts_a_second, int digits) {
  char text[48];
  std::snprintf(text, sizeof text, "%llu.%0*llu", static_cast<unsigned long long>(count / parts_a_second),
                digits, static_cast<unsigned long long>(count % parts_a_second));
  std::string seconds(text);
  seconds.erase(seconds.find_last_not_of('0') + 1);
  if (seconds.ends_with('.')) seconds.pop_back();
  return seconds;
}

std::string seconds_of_ns(std::uint64_t ns) { return decimal(ns, 1'000'000'000, 9); }

/// What is told of a method.
struct MethodInfo {
  struct Bucket {
    std::uint64_t last_ns;
    std::uint64_t count;
  };
  std::uint64_t requests = 0;
  std::uint64_t answered = 0;
  std::uint64_t total_ns = 0;
  std::map<std::string_view, std::uint64_t> errors;
  std::vector<Bucket> buckets;
};

class Text {
 public:
  void head(std::string_view name, Kind type, std::string_view help) {
    text_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name);
    text_.append(" ").append(name_of(type)).append("\n");
  }
  void line(std::string_view name, std::string_view suffix, const Labels& labels, std::string_view value) {
    text_.append(name).append(suffix);
    char before = '{';
    for (const auto& [label, content] : labels) {
      text_.append(1, before).append(label).append("=\"").append(escaped(content)).append("\"");
      before = ',';
    }
    text_.append(labels.empty() ? "" : "}").append(" ").append(value).append("\n");
  }
  void line(std::string_view name, std::string_view suffix, const Labels& labels, std::uint64_t value) {
    line(name, suffix, labels, std::to_string(value));
  }
  std::string take() { return std::move(text_); }

 private:
  static std::string escaped(std::string_view content) {
    std::string text;
    for (const char byte : content) {
      if (byte == '\\' || byte == '"') text += '\\';
      byte == '\n' ? text += "\\n" : text += byte;
    }
    return text;
  }

  std::string text_;
};

PackedFields fields_of(std::string_view packed) {
  PackedFields fields;
  Cursor cursor(packed);
  for (auto left = cursor.read_map().value_or(0); left > 0; --left) {
    const auto name = cursor.read_string().value_or("");
    fields[name] = cursor.read_object().value_or("");
  }
  return fields;
}

std::string_view field(const PackedFields& fields, std::string_view name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string_view() : found->second;
}

/// Nothing where the daemon tells nil, or does not know the field.
std::optional<std::string> value_of(const Row& row, const PackedFields& fields) {
  Cursor value(field(fields, row.field));
  if (const auto truth = value.read_bool()) return *truth ? "1" : "0";
  const auto number = value.read_unsigned();
  if (!number) return std::nullopt;
  return row.is_in_ms ? decimal(*number, 1'000, 3) : std::to_string(*number);
}

std::uint64_t count_of(const PackedFields& fields, std::string_view name) {
  return Cursor(field(fields, name)).read_unsigned().value_or(0);
}

MethodInfo method_of(const PackedFields& fields) {
  MethodInfo info{
      count_of(fields, "requests"), count_of(fields, "answered"), count_of(fields, "total_ns"), {}, {}};
  const PackedFields errors = fields_of(field(fields, "errors"));
  for (const auto& error : errors) info.errors[error.first] = count_of(errors, error.first);
  Cursor buckets(field(fields, "buckets"));
  for (auto left = buckets.read_array().value_or(0); left > 0; --left) {
    buckets.read_array();
    const auto last_ns = buckets.read_unsigned().value_or(0);
    info.buckets.push_back({last_ns, buckets.read_unsigned().value_or(0)});
  }
  return info;
}

void write_rows(Text& text, std::span<const Row> rows,
                const std::vector<std::pair<Labels, PackedFields>>& all) {
  for (const Row& row : rows) {
    text.head(row.name, row.type, row.help);
    for (const auto& [labels, fields] : all) {
      if (const auto value = value_of(row, fields)) text.line(row.name, "", labels, *value);
    }
  }
}

void write_histogram(Text& text, std::string_view name, std::string_view method, const MethodInfo& info) {
  std::uint64_t below = 0;
  auto bucket = info.buckets.begin();
  for (const std::uint64_t bound_ns : kBoundsNs) {
    for (; bucket != info.buckets.end() && bucket->last_ns <= bound_ns; ++bucket) below += bucket->count;
    text.line(name, "_bucket", {{"method", method}, {"le", seconds_of_ns(bound_ns)}}, below);
  }
  text.line(name, "_bucket", {{"method", method}, {"le", "+Inf"}}, info.answered);
  text.line(name, "_sum", {{"method", method}}, seconds_of_ns(info.total_ns));
  text.line(name, "_count", {{"method", method}}, info.answered);
}

void write_methods(Text& text, const std::map<std::string_view, MethodInfo>& methods) {
  constexpr std::string_view kRequests = "pannier_requests_total";
  text.head(kRequests, Kind::kCounter, "Requests and notifications by method.");
  for (const auto& [method, info] : methods) text.line(kRequests, "", {{"method", method}}, info.requests);

  constexpr std::string_view kErrors = "pannier_request_errors_total";
  text.head(kErrors, Kind::kCounter, "Requests that were answered with an error, by method and code.");
  for (const auto& [method, info] : methods) {
    // All of them, so that the first error is seen as an increase.
    for (std::size_t i = 0; i < protocol::kErrorCodes; ++i) {
      const std::string_view code = protocol::code_name(static_cast<protocol::ErrorCode>(i));
      const auto found = info.errors.find(code);
      text.line(kErrors, "", {{"method", method}, {"code", code}},
                found == info.errors.end() ? 0 : found->second);
    }
  }

  constexpr std::string_view kDuration = "pannier_request_duration_seconds";
  text.head(kDuration, Kind::kHistogram, "From taking up a request to having its answer.");
  for (const auto& [method, info] : methods) write_histogram(text, kDuration, method, info);
}

void write_up(Text& text, bool is_up) {
  text.head("pannier_up", Kind::kGauge, "1 if the daemon answers.");
  text.line("pannier_up", "", {}, is_up ? 1 : 0);
}

}  // namespace

std::string metrics_text(const std::optional<std::string>& packed_info) {
  Text text;
  write_up(text, packed_info.has_value());
  if (!packed_info) return text.take();
  const PackedFields fields = fields_of(*packed_info);
  const PackedFields server = fields_of(field(fields, "server"));
  const auto version = Cursor(field(server, "version")).read_string().value_or("");
  text.head("pannier_build_info", Kind::kGauge, "1; the label tells the daemon's version.");
  text.line("pannier_build_info", "", {{"version", version}}, 1);
  write_rows(text, kServerRows, {{Labels(), server}});
  std::vector<std::pair<Labels, PackedFields>> caches;
  for (const auto& [name, packed] : fields_of(field(fields, "caches"))) {
    caches.emplace_back(Labels{{"cache", name}}, fields_of(packed));
  }
  write_rows(text, kCacheRows, caches);
  std::map<std::string_view, MethodInfo> methods;
  for (const auto& [name, packed] : fields_of(field(fields, "methods"))) {
    methods[name] = method_of(fields_of(packed));
  }
  write_methods(text, methods);
  return text.take();
}

}  // namespace pannier::cli
