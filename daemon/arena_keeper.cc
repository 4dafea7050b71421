#include "daemon/arena_keeper.h"

#include <sys/file.h>

#include <utility>

namespace pannier::daemon {
namespace {

using storage::Arena;
using storage::ArenaFault;

/// The system was at fault: another start may find the same arena sound.
bool may_be_sound(const ArenaFault& fault) { return fault.kind == ArenaFault::Kind::kSystem; }

}  // namespace

std::variant<ArenaKeeper, ArenaKeeper::Fault> ArenaKeeper::make(const std::string& file_path,
                                                                std::uint64_t bytes, ServiceManager& manager,
                                                                Log& log) {
  ArenaKeeper keeper(bytes, manager, log);
  keeper.take_passed(kName);
  keeper.take_passed(kNextName);
  const bool is_passed = !keeper.passed_.empty();
  if (is_passed && !file_path.empty()) {
    log.warning("the arena file " + file_path +
                " is not used: the service manager has kept the memory of the process before");
  }
  if (is_passed || (file_path.empty() && manager.is_there())) {
    keeper.place_ = Place::kServiceManager;
  } else if (!file_path.empty()) {
    auto file = ArenaFile::take(file_path);
    if (auto* fault = std::get_if<ArenaFileFault>(&file)) return Fault{std::move(fault->text)};
    keeper.file_ = std::get<ArenaFile>(std::move(file));
    keeper.place_ = Place::kFile;
  }
  return keeper;
}

ArenaKeeper::ArenaKeeper(std::uint64_t bytes, ServiceManager& manager, Log& log)
    : bytes_(bytes), manager_(manager), log_(log) {}

void ArenaKeeper::take_passed(std::string_view name) {
  for (OwnedFd fd = manager_.take(name); fd.is_open(); fd = manager_.take(name)) {
    passed_.push_back({name, std::move(fd)});
  }
}

ArenaKeeper::Taken ArenaKeeper::take() {
  Taken taken = file_ ? attach_file() : attach_passed();
  auto* const arena = std::get_if<std::unique_ptr<Arena>>(&taken);
  if (arena == nullptr) return taken;
  attached_ = arena->get();
  if (attached_ != nullptr) return taken;
  Arena::Made made = make_fresh(bytes_);
  if (const auto* fault = std::get_if<ArenaFault>(&made))
    return Fault{"there is no memory for the caches: " + fault->text};
  return std::get<std::unique_ptr<Arena>>(std::move(made));
}

ArenaKeeper::Taken ArenaKeeper::attach_passed() {
  for (Passed& passed : passed_) {
    Arena::Made made = Arena::attach(passed.fd.release());
    const auto* const fault = std::get_if<ArenaFault>(&made);
    if (fault == nullptr) {
      kept_name_ = passed.name;
      return std::get<std::unique_ptr<Arena>>(std::move(made));
    }
    const std::string text = "cannot take over the memory that the service manager has kept as " +
                             std::string(passed.name) + ": " + fault->text;
    if (may_be_sound(*fault)) return Fault{text};
    log_.error(text);
  }
  if (!passed_.empty()) log_.error("the caches start empty");
  return nullptr;
}

ArenaKeeper::Taken ArenaKeeper::attach_file() {
  if (file_->is_empty()) return nullptr;
  Arena::Made made = Arena::attach(file_->open_again().release());
  const auto* const fault = std::get_if<ArenaFault>(&made);
  if (fault == nullptr) return std::get<std::unique_ptr<Arena>>(std::move(made));
  const std::string text = "cannot take over the arena file " + file_->path() + ": " + fault->text;
  if (may_be_sound(*fault)) return Fault{text};
  log_.error(text);
  if (auto failure = file_->put_aside()) return Fault{std::move(failure->text)};
  log_.error("the caches start empty; what was in the arena file is kept as " + file_->aside_path() +
             ", and takes memory until that is removed");
  return nullptr;
}

Arena::Made ArenaKeeper::make_fresh(std::uint64_t bytes) {
  if (!file_) return Arena::create(bytes);
  auto made = file_->make_new();
  if (auto* fault = std::get_if<ArenaFileFault>(&made))
    return ArenaFault{ArenaFault::Kind::kSystem, std::move(fault->text)};
  Arena::Made arena = Arena::create_in(std::get<OwnedFd>(made).release(), bytes);
  if (auto* fault = std::get_if<ArenaFault>(&arena))
    fault->text = "the file " + file_->new_path() + " cannot be had: " + fault->text;
  return arena;
}

std::optional<ArenaKeeper::Fault> ArenaKeeper::keep(const Arena& arena) {
  const bool is_kept = &arena == attached_;
  if (file_ && is_kept) file_->forget_new();
  if (file_ && !is_kept) {
    if (auto fault = file_->put_new_in_place()) return Fault{std::move(fault->text)};
  }
  if (place_ == Place::kServiceManager) is_kept ? forget_others() : give_to_manager(arena.fd());
  passed_.clear();
  // A file is locked already. For the others it only tells those who check an arena that it is in use.
  flock(arena.fd(), LOCK_EX | LOCK_NB);
  return std::nullopt;
}

void ArenaKeeper::give_to_manager(int fd) {
  if (!passed_.empty()) {
    const std::string_view other_name = kept_name_ == kName ? kNextName : kName;
    complain(manager_.forget(other_name));
    complain(manager_.keep(other_name, fd));
    complain(manager_.forget(kept_name_));
  }
  // systemd leaves out what it keeps under the other name; one that may keep a single descriptor takes it
  // now.
  complain(manager_.keep(kName, fd));
}

void ArenaKeeper::forget_others() {
  const std::string_view other_name = kept_name_ == kName ? kNextName : kName;
  if (passed_.size() > 1) complain(manager_.forget(other_name));
}

void ArenaKeeper::complain(const ServiceManager::Failure& failure) {
  if (!failure) return;
  place_ = Place::kProcess;
  log_.warning(
      "the service manager cannot be told to keep the memory of the caches, which ends with this process: " +
      *failure);
}

std::string ArenaKeeper::place_text() const {
  switch (place_) {
    case Place::kFile:
      return "in the file " + file_->path();
    case Place::kServiceManager:
      return "with the service manager";
    case Place::kProcess:
      break;
  }
  return "in this process alone";
}

}  // namespace pannier::daemon
