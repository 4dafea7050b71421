#include "tests/crash/crash_files.h"

#include <algorithm>

namespace pannier::test {
namespace {

using storage::Dice;

constexpr std::size_t kPageBytes = 4'096;
constexpr std::size_t kAheadBytesMax = std::size_t{128} << 10;

std::string noise(std::size_t bytes, Dice& dice) {
  std::string made(bytes, '\0');
  for (char& byte : made) byte = static_cast<char>(dice.below(256));
  return made;
}

/// Pages reach the disk in any order: some are there, some are zeros.
std::string pages_of(std::string unsynced, std::size_t at, Dice& dice) {
  for (std::size_t from = 0; from < unsynced.size();) {
    const std::size_t to = std::min(unsynced.size(), from + kPageBytes - (at + from) % kPageBytes);
    if (dice.chance(50)) std::fill(unsynced.data() + from, unsynced.data() + to, '\0');
    from = to;
  }
  return unsynced;
}

std::string torn(const std::string& unsynced, std::size_t at, Dice& dice) {
  const std::size_t whole = dice.below(unsynced.size() + 1);
  const std::size_t behind = dice.below(unsynced.size() - whole + 1);
  switch (dice.below(4)) {
    case 0:
      return unsynced.substr(0, whole);
    case 1:
      return unsynced.substr(0, whole) + std::string(behind, '\0');
    case 2:
      return unsynced.substr(0, whole) + noise(behind, dice);
    default:
      return pages_of(unsynced.substr(0, whole + behind), at, dice);
  }
}

CrashFiles::ContentPtr content_after(const CrashFiles::Content& content, bool is_torn, Dice& dice) {
  auto left = std::make_shared<CrashFiles::Content>();
  left->bytes = content.bytes.substr(0, content.synced_bytes);
  if (is_torn) left->bytes += torn(content.bytes.substr(content.synced_bytes), content.synced_bytes, dice);
  for (const auto& [from, to] : content.lost) {
    for (std::size_t at = from; at < std::min(to, left->bytes.size()); ++at) left->bytes[at] = '\0';
  }
  return left;
}

}  // namespace

CrashFiles::ContentPtr CrashFiles::find(const std::string& path) const {
  const auto found = names_.find(path);
  return found == names_.end() ? nullptr : found->second;
}

std::vector<std::string> CrashFiles::names_in(const std::string& directory) const {
  std::vector<std::string> names;
  for (const auto& [path, content] : names_) {
    if (directory_of(path) == directory) names.push_back(path.substr(directory.size() + 1));
  }
  return names;
}

CrashFiles::ContentPtr CrashFiles::make(const std::string& path) {
  if (ContentPtr old = find(path)) {
    *old = {};
    return old;
  }
  auto made = std::make_shared<Content>();
  change({{path, made}});
  return made;
}

void CrashFiles::rename(const std::string& from, const std::string& to) {
  change({{to, find(from)}, {from, nullptr}});
}

void CrashFiles::remove(const std::string& path) { change({{path, nullptr}}); }

void CrashFiles::lose_unsynced(Content& content) {
  content.lost.emplace_back(content.synced_bytes, content.bytes.size());
  sync(content);
}

void CrashFiles::sync_directory(const std::string& path) {
  const std::string directory = path == "/" ? "" : path;
  std::erase_if(unsynced_, [&](const Change& change) {
    if (directory_of(change.front().first) != directory) return false;
    apply(durable_names_, change);
    return true;
  });
}

CrashFiles CrashFiles::after_power_loss(Survival survival, Dice& dice) const {
  Names names = durable_names_;
  std::size_t changes = 0;
  if (survival == Survival::kAllNames) changes = unsynced_.size();
  if (survival == Survival::kSomeNames) changes = dice.below(unsynced_.size() + 1);
  for (std::size_t done = 0; done < changes; ++done) apply(names, unsynced_[done]);
  CrashFiles left;
  for (const auto& [path, content] : names) {
    const std::string directory = directory_of(path);
    // Sorted: a directory comes before what is in it.
    if (!directory.empty() && !left.names_.contains(directory)) continue;
    const ContentPtr found = content_after(*content, survival != Survival::kNothing, dice);
    // LevelDB's logs are written ahead.
    if (path.ends_with(".log") && dice.chance(50)) found->bytes.append(dice.below(kAheadBytesMax), '\0');
    sync(*found);
    left.names_[path] = found;
  }
  left.durable_names_ = left.names_;
  return left;
}

std::string CrashFiles::directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

void CrashFiles::apply(Names& names, const Change& change) {
  for (const auto& [path, content] : change) {
    if (content) {
      names[path] = content;
    } else {
      names.erase(path);
    }
  }
}

void CrashFiles::change(Change change) {
  apply(names_, change);
  unsynced_.push_back(std::move(change));
}

}  // namespace pannier::test
