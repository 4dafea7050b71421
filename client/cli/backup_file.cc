#include "client/cli/backup_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "client/cli/session.h"

namespace pannier::cli {

namespace {

std::string message_of(int system_error) { return std::generic_category().message(system_error); }

bool is_standard(const std::string& path) { return path == "-"; }

/// The draft that is removed when a signal ends the program; in static memory, because that is all a handler
/// may look at.
char draft_at_signal[PATH_MAX] = "";

constexpr int kEndSignals[] = {SIGINT, SIGTERM, SIGHUP};

/// While it lives, they wait.
class EndSignalsWait {
 public:
  EndSignalsWait() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : kEndSignals) sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  ~EndSignalsWait() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  EndSignalsWait(const EndSignalsWait&) = delete;
  EndSignalsWait& operator=(const EndSignalsWait&) = delete;

 private:
  sigset_t before_;
};

void end_without_draft(int signal) {
  ::unlink(draft_at_signal);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void at_end_signals(void (*handler)(int)) {
  for (const int signal : kEndSignals) {
    if (std::signal(signal, handler) == SIG_IGN) std::signal(signal, SIG_IGN);
  }
}

void remove_at_signal(const std::string& draft_path) {
  draft_path.copy(draft_at_signal, sizeof draft_at_signal - 1);
  at_end_signals(end_without_draft);
}

void remove_at_no_signal() { at_end_signals(SIG_DFL); }

}  // namespace

NewFile::NewFile(std::string path, bool may_replace) : path_(std::move(path)), may_replace_(may_replace) {
  if (is_standard(path_)) {
    fd_ = STDOUT_FILENO;
    return;
  }
  check_old_file();
  draft_path_ = path_ + ".XXXXXX";
  // From its first moment on the draft is one that a signal removes.
  const EndSignalsWait until_known;
  fd_ = ::mkostemp(draft_path_.data(), O_CLOEXEC);  // mode 0600
  if (fd_ < 0) {
    draft_path_.clear();
    fail("create", errno);
  }
  remove_at_signal(draft_path_);
}

NewFile::~NewFile() {
  if (!is_standard(path_) && fd_ >= 0) ::close(fd_);
  if (draft_path_.empty()) return;
  ::unlink(draft_path_.c_str());
  remove_at_no_signal();
}

void NewFile::check_old_file() const {
  struct stat status = {};
  if (::lstat(path_.c_str(), &status) != 0) return;
  if (!may_replace_) fail("write", EEXIST);
  // A device, a pipe or a link that others use would be a file from now on.
  if (!S_ISREG(status.st_mode))
    throw Failed(ExitCode::kLocal, "cannot replace " + path_ + ": it is no regular file");
}

void NewFile::fail(const char* what, int system_error) const {
  const std::string name = is_standard(path_) ? "standard output" : path_;
  const std::string advice =
      system_error == EEXIST ? ": it is there already; --force replaces it" : ": " + message_of(system_error);
  throw Failed(ExitCode::kLocal, "cannot " + std::string(what) + " " + name + advice);
}

void NewFile::write(std::string_view bytes) {
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    const auto size = ::write(fd_, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) fail("write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

void NewFile::keep() {
  if (is_standard(path_)) return;
  if (::fsync(fd_) != 0) fail("write", errno);
  if (::close(std::exchange(fd_, -1)) != 0) fail("write", errno);
  take_name();
  const auto directory = std::filesystem::path(path_).parent_path();
  const int fd = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("sync the directory of", errno);
  const int outcome = ::fsync(fd);
  const int system_error = errno;
  ::close(fd);
  if (outcome != 0) fail("sync the directory of", system_error);
}

void NewFile::keep_beside() {
  struct stat status = {};
  if (!is_standard(path_) && ::lstat(path_.c_str(), &status) == 0) {
    path_ += ".incomplete";
    may_replace_ = true;
  }
  keep();
}

void NewFile::take_name() {
  const unsigned flags = may_replace_ ? 0 : RENAME_NOREPLACE;
  int outcome = ::renameat2(AT_FDCWD, draft_path_.c_str(), AT_FDCWD, path_.c_str(), flags);
  // A file system that cannot refuse: it was not there when this began.
  if (outcome != 0 && errno == EINVAL) outcome = std::rename(draft_path_.c_str(), path_.c_str());
  if (outcome != 0) fail("write", errno);
  draft_path_.clear();
  remove_at_no_signal();
}

OldFile::OldFile(std::string path) : path_(std::move(path)) {
  fd_ = is_standard(path_) ? STDIN_FILENO : ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) throw Failed(ExitCode::kLocal, "cannot read " + path_ + ": " + message_of(errno));
}

OldFile::~OldFile() {
  if (!is_standard(path_)) ::close(fd_);
}

std::size_t OldFile::read(char* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const auto got = ::read(fd_, to + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Failed(ExitCode::kLocal, "cannot read " + name() + ": " + message_of(errno));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

bool OldFile::rewind() { return ::lseek(fd_, 0, SEEK_SET) == 0; }

}  // namespace pannier::cli
