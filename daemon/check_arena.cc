#include "daemon/check_arena.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/json_text.h"
#include "daemon/owned_fd.h"
#include "daemon/quantity.h"
#include "storage/arena.h"
#include "storage/arena_check.h"

namespace pannier::daemon {
namespace {

using storage::Arena;
using storage::ArenaCheck;
using storage::ArenaFault;

struct Findings {
  std::string path;
  bool is_in_use = false;
  std::optional<std::string> fault;
  std::unique_ptr<Arena> arena;  ///< null: it cannot be read
  ArenaCheck::Counts counts;     ///< as far as the check came
};

Findings find(const std::string& path) {
  Findings found;
  found.path = path;
  OwnedFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) {
    found.fault = "cannot be opened: " + std::generic_category().message(errno);
    return found;
  }
  found.is_in_use = flock(file.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  // Else a daemon that starts now would be refused.
  if (!found.is_in_use) flock(file.get(), LOCK_UN);
  Arena::Made made = Arena::attach_copy(file.release());
  if (auto* fault = std::get_if<ArenaFault>(&made)) {
    found.fault = std::move(fault->text);
    return found;
  }
  found.arena = std::get<std::unique_ptr<Arena>>(std::move(made));
  ArenaCheck check(*found.arena);
  found.fault = check.fault();
  found.counts = check.counts();
  return found;
}

JsonFields fields_of(const Findings& found) {
  const ArenaCheck::Counts& counts = found.counts;
  return {{"bytes", std::to_string(found.arena->bytes())},
          {"closed_cleanly", json_word(found.arena->was_closed_cleanly())},
          {"rolled_back_words", std::to_string(found.arena->words_rolled_back())},
          {"pages", std::to_string(found.arena->pages())},
          {"pages_used", std::to_string(counts.pages_used)},
          {"pages_free", std::to_string(counts.pages_free)},
          {"caches", std::to_string(counts.caches)},
          {"entries", std::to_string(counts.entries)},
          {"dirty_entries", std::to_string(counts.dirty_entries)},
          {"garbage_pieces", std::to_string(counts.garbage_pieces)},
          {"draft_pieces", std::to_string(counts.draft_pieces)}};
}

std::string json_of(const Findings& found) {
  JsonFields fields = {{"path", json_string(found.path)},
                       {"sound", json_word(!found.fault)},
                       {"fault", found.fault ? json_string(*found.fault) : "null"},
                       {"in_use", json_word(found.is_in_use)}};
  if (found.arena) {
    for (auto& field : fields_of(found)) fields.push_back(std::move(field));
  }
  return json_object(fields) + "\n";
}

std::string text_of(const Findings& found) {
  std::string text = found.path + (found.fault ? " is not sound: " + *found.fault : " is sound") + "\n";
  if (found.fault && found.is_in_use) {
    text +=
        "A daemon uses it: what it wrote meanwhile may have torn the copy that was checked. Check it "
        "again.\n";
  }
  if (!found.arena) return text;
  for (const auto& [name, value] : fields_of(found)) text += "  " + std::string(name) + ": " + value + "\n";
  return text;
}

}  // namespace

ArenaReport check_arena(const CheckArena& asked) {
  const Findings found = find(asked.path);
  return {!found.fault, asked.is_json ? json_of(found) : text_of(found)};
}

}  // namespace pannier::daemon
