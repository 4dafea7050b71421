// CrashFiles: files and directories in memory, and of each what a power loss would leave. Contents are on
// the disk once they were synced; names (made, renamed, removed) once their directory was. What was not
// synced may be there nevertheless: names in the order of their changes, contents up to anywhere, with
// garbage behind.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/model/dice.h"

namespace pannier::test {

/// What of the unsynced is there after a power loss: nothing; all names; names up to any change. With names
/// come parts of contents.
enum class Survival { kNothing, kAllNames, kSomeNames };

class CrashFiles {
 public:
  struct Content {
    std::string bytes;
    std::size_t synced_bytes = 0;
    /// What a failed sync has dropped: it can be read until the power is lost, and no later sync saves it.
    std::vector<std::pair<std::size_t, std::size_t>> lost = {};
  };
  using ContentPtr = std::shared_ptr<Content>;

  /// Null: no such file.
  ContentPtr find(const std::string& path) const;
  std::vector<std::string> names_in(const std::string& directory) const;

  /// A new file, or an old one without its content.
  ContentPtr make(const std::string& path);
  void rename(const std::string& from, const std::string& to);
  void remove(const std::string& path);

  static void sync(Content& content) { content.synced_bytes = content.bytes.size(); }
  static void lose_unsynced(Content& content);
  void sync_directory(const std::string& path);

  CrashFiles after_power_loss(Survival survival, storage::Dice& dice) const;

 private:
  using Names = std::map<std::string, ContentPtr>;
  /// What becomes of some names of one directory at once; null: gone.
  using Change = std::vector<std::pair<std::string, ContentPtr>>;

  static std::string directory_of(const std::string& path);
  static void apply(Names& names, const Change& change);
  void change(Change change);

  Names names_;
  Names durable_names_;
  std::vector<Change> unsynced_;
};

}  // namespace pannier::test
