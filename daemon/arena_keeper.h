// ArenaKeeper: where the arena comes from, and where it is kept so that the next process finds it. In this
// order: what the service manager passed on; the file that the configuration names; a new arena, which the
// service manager is asked to keep. Where there is neither, memory ends with the process.
//
// The happy path: take() attaches what was kept; storage takes it over, or makes another by make_fresh() and
// brings over what is sound; when nothing else can fail any more, keep() sees to it that the one that is
// served from is the one that is kept. What can go wrong:
//  - What was kept is no arena, or cannot be understood: that is an error in the log, a file is kept aside
//    (arena_file.h), and the caches start empty.
//  - The system refuses memory or a mapping: a Fault. What was kept stays where it is.
//  - The process ends between take() and keep(): what was kept is still kept.
// Owner: main.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/arena_file.h"
#include "daemon/log.h"
#include "daemon/owned_fd.h"
#include "daemon/service_manager.h"
#include "storage/arena.h"

namespace pannier::daemon {

class ArenaKeeper {
 public:
  /// What the service manager keeps it as. Under the second name only what has just replaced another one, so
  /// that there is no moment at which neither is kept.
  static constexpr std::string_view kName = "pannier-arena";
  static constexpr std::string_view kNextName = "pannier-arena-next";

  /// Why there is no arena, for the log.
  struct Fault {
    std::string text;
  };

  /// `file_path`: empty for none. `bytes`: of the first arena. `manager` and `log` must outlive the keeper.
  static std::variant<ArenaKeeper, Fault> make(const std::string& file_path, std::uint64_t bytes,
                                               ServiceManager& manager, Log& log);

  /// What was kept, or a new one if there was nothing. Call it once.
  std::variant<std::unique_ptr<storage::Arena>, Fault> take();
  /// An empty one of so many bytes, instead of an earlier one; not kept before keep().
  storage::Arena::Made make_fresh(std::uint64_t bytes);
  /// Keeps one that take() or make_fresh() answered, and nothing else. Precondition: the one that take()
  /// answered was not destroyed before make_fresh().
  std::optional<Fault> keep(const storage::Arena& arena);

  /// Whether the next process will find it.
  bool outlives_process() const { return place_ != Place::kProcess; }
  /// "in the file /dev/shm/pannier", "with the service manager", "in this process alone".
  std::string place_text() const;

 private:
  enum class Place : std::uint8_t { kProcess, kFile, kServiceManager };

  using Taken = std::variant<std::unique_ptr<storage::Arena>, Fault>;
  struct Passed {
    std::string_view name;
    OwnedFd fd;
  };

  ArenaKeeper(std::uint64_t bytes, ServiceManager& manager, Log& log);
  void take_passed(std::string_view name);
  /// Each: null if there is none, or none that can be taken over, which was logged.
  Taken attach_passed();
  Taken attach_file();
  void give_to_manager(int fd);
  /// What is kept beside the arena that was attached, because a process died while it put one in the other's
  /// place.
  void forget_others();
  void complain(const ServiceManager::Failure& failure);

  std::uint64_t bytes_;
  ServiceManager& manager_;
  Log& log_;
  Place place_ = Place::kProcess;
  std::optional<ArenaFile> file_;
  std::vector<Passed> passed_;          // by the service manager
  std::string_view kept_name_ = kName;  // of the one that was attached
  const storage::Arena* attached_ = nullptr;
};

}  // namespace pannier::daemon
