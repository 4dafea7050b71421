#include "daemon/repair.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>

#include "daemon/data_dir.h"
#include "daemon/json_text.h"
#include "daemon/owned_fd.h"
#include "storage/leveldb_store.h"
#include "storage/repair.h"

namespace pannier::daemon {
namespace {

using storage::Repaired;
using storage::RepairedCache;
using storage::StoreError;
namespace fs = std::filesystem;

struct Kept {
  std::string path;
  std::optional<std::string> fault;
};

std::string free_path(const std::string& database_path) {
  const std::string first = database_path + ".before-repair";
  std::string path = first;
  for (int number = 2; fs::exists(path); ++number) path = first + "-" + std::to_string(number);
  return path;
}

/// Names for the files as they are: the repair makes new files and takes names away, and writes into none.
Kept keep_files(const std::string& database_path) {
  Kept kept{free_path(database_path), std::nullopt};
  std::error_code error;
  fs::create_directory(kept.path, error);
  if (!error) fs::permissions(kept.path, fs::perms::owner_all, error);
  for (const auto& file : fs::directory_iterator(database_path, error)) {
    if (error || !file.is_regular_file()) continue;
    const fs::path name = fs::path(kept.path) / file.path().filename();
    fs::create_hard_link(file.path(), name, error);
    if (error) fs::copy_file(file.path(), name, error);
    if (error) break;
  }
  const OwnedFd directory(open(kept.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!error && (!directory.is_open() || fsync(directory.get()) != 0))
    error = std::error_code(errno, std::generic_category());
  if (error) {
    kept.fault = "cannot keep what is in " + database_path + " as " + kept.path + ": " + error.message() +
                 "; nothing was changed";
  }
  return kept;
}

/// What LevelDB wrote, on disk.
void sync_files(const std::string& database_path) {
  const OwnedFd directory(open(database_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.is_open()) syncfs(directory.get());
}

std::uint64_t lost_entries(const RepairedCache& cache) {
  const std::uint64_t noted = cache.noted_entries.value_or(0);
  return std::max(noted > cache.saved_entries ? noted - cache.saved_entries : 0, cache.damaged_entries);
}

std::string text_of(const Repaired& repaired, const std::string& kept_path) {
  std::string text;
  for (const RepairedCache& cache : repaired.caches) {
    text += cache.name + ": " + std::to_string(cache.saved_entries) +
            (cache.saved_entries == 1 ? " entry saved, " : " entries saved, ") +
            std::to_string(lost_entries(cache)) + " lost";
    if (cache.damaged_entries > 0) text += " (" + std::to_string(cache.damaged_entries) + " of them damaged)";
    if (!cache.noted_entries) text += " or more: how many it had is lost too";
    if (cache.is_renamed) text += "; its name and settings are lost";
    text += "\n";
  }
  if (repaired.caches.empty()) text += "no cache was found\n";
  if (repaired.damaged_facts > 0)
    text += std::to_string(repaired.damaged_facts) + " definitions or numbers were damaged\n";
  return text + "What was there is kept in " + kept_path + "; remove it when nothing is missed.\n";
}

std::string json_of(const RepairedCache& cache) {
  return json_object({{"name", json_string(cache.name)},
                      {"saved", std::to_string(cache.saved_entries)},
                      {"lost", std::to_string(lost_entries(cache))},
                      {"damaged", std::to_string(cache.damaged_entries)},
                      {"noted", cache.noted_entries ? std::to_string(*cache.noted_entries) : "null"},
                      {"renamed", json_word(cache.is_renamed)}});
}

std::string json_of(const Repaired& repaired, const std::string& kept_path) {
  std::string caches;
  for (const RepairedCache& cache : repaired.caches) caches += (caches.empty() ? "" : ", ") + json_of(cache);
  return json_object({{"kept", json_string(kept_path)},
                      {"caches", "[" + caches + "]"},
                      {"damaged_facts", std::to_string(repaired.damaged_facts)}}) +
         "\n";
}

std::optional<std::string> fault_of(const std::variant<Repaired, StoreError>& outcome,
                                    const std::string& database_path) {
  if (const auto* error = std::get_if<StoreError>(&outcome)) return error->text;
  sync_files(database_path);
  const auto opened = storage::LevelDbStore::open(database_path, {});
  if (const auto* error = std::get_if<StoreError>(&opened)) return error->text;
  return std::nullopt;
}

}  // namespace

RepairReport repair_data_dir(const RepairAsked& asked) {
  const std::string database_path = (fs::path(asked.data_dir) / "durable").string();
  std::error_code unknown;
  if (!fs::is_directory(database_path, unknown)) {
    return {false, asked.data_dir + " is no data directory: there is no directory durable in it"};
  }
  const auto taken = take_data_dir(asked.data_dir);
  if (const auto* fault = std::get_if<DataDirFault>(&taken)) return {false, fault->text};
  const Kept kept = keep_files(database_path);
  if (kept.fault) return {false, *kept.fault};
  const auto outcome = storage::repair_database(database_path);
  if (const auto fault = fault_of(outcome, database_path)) {
    return {false, *fault + ". What was there is kept in " + kept.path};
  }
  const auto& repaired = std::get<Repaired>(outcome);
  return {true, asked.is_json ? json_of(repaired, kept.path) : text_of(repaired, kept.path)};
}

}  // namespace pannier::daemon
