// pannier hot
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/human.h"
#include "client/cli/json_value.h"
#include "protocol/cursor.h"
#include "protocol/error.h"
#include "protocol/writer.h"

namespace pannier::cli {

namespace {

using protocol::Cursor;
using Rows = std::vector<std::vector<std::string>>;

struct Given {
  std::string cache;
  std::optional<std::uint64_t> limit;
};

struct Entry {
  std::string key;
  std::uint64_t hits = 0;
  std::optional<std::uint64_t> value_bytes;
};

std::string hot_params(const Given& given) {
  std::string params;
  protocol::Writer writer(params);
  writer.array(given.limit ? 2 : 1);
  writer.string(given.cache);
  if (given.limit) {
    writer.map(1);
    writer.string("limit");
    writer.unsigned_integer(*given.limit);
  }
  return params;
}

Entry read_entry(std::string_view packed) {
  Entry entry;
  Cursor fields(packed);
  for (auto left = fields.read_map().value_or(0); left > 0; --left) {
    const auto name = fields.read_string().value_or("");
    Cursor value(fields.read_object().value_or(""));
    if (name == "key") entry.key = value.read_string().value_or("");
    if (name == "hits") entry.hits = value.read_unsigned().value_or(0);
    if (name == "value_bytes") entry.value_bytes = value.read_unsigned();
  }
  return entry;
}

std::vector<Entry> read_entries(std::string_view packed) {
  std::vector<Entry> entries;
  Cursor cursor(packed);
  for (auto left = cursor.read_array().value_or(0); left > 0; --left) {
    entries.push_back(read_entry(cursor.read_object().value_or("")));
  }
  return entries;
}

std::string size_of(const Entry& entry) { return entry.value_bytes ? human_bytes(*entry.value_bytes) : "-"; }

void print_text(Session& session, std::string_view packed) {
  Rows used = {{"MOST USED", "HITS", "VALUE"}};
  Rows largest = {{"LARGEST", "VALUE"}};
  Cursor fields(packed);
  for (auto left = fields.read_map().value_or(0); left > 0; --left) {
    const auto name = fields.read_string().value_or("");
    for (const Entry& entry : read_entries(fields.read_object().value_or(""))) {
      const std::string key = protocol::quoted(entry.key);
      if (name == "most_used") used.push_back({key, human_count(entry.hits), size_of(entry)});
      if (name == "largest") largest.push_back({key, size_of(entry)});
    }
  }
  session.print(table(used, 1) + "\n" + table(largest, 1));
}

void hot(Session& session, const Given& given) {
  const auto packed = session.client().call("hot", hot_params(given));
  session.json() ? session.print_json(to_json(packed)) : print_text(session, packed);
}

}  // namespace

void add_hot(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.cache(given->cache);
  arguments.count("--limit", given->limit, "N", "So many of each, at most 100 [10]");
  arguments.help(
      R"(Prints the keys that are used most and the largest values of those in memory. HITS are an estimate, from one of
64 hits, of the latest few million hits of all caches; reads out of shared memory count. Keys with less than one in a
thousand of all hits, or of more than 255 bytes, may be missing. With --json exactly what the daemon answers.

Examples:
  pannier hot lru
  pannier hot sessions --limit 100 --json | jq -r .most_used[].key)");
  arguments.run([&session, given] { hot(session, *given); });
}

}  // namespace pannier::cli
