#include "client/cli/explain.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "pannier/options.h"

namespace pannier::cli {

namespace {

std::string user_name(uid_t uid) {
  const passwd* user = ::getpwuid(uid);
  return user ? user->pw_name + (" (uid " + std::to_string(uid) + ")") : "uid " + std::to_string(uid);
}

std::string group_name(gid_t gid) {
  const group* entry = ::getgrgid(gid);
  return entry ? entry->gr_name + (" (gid " + std::to_string(gid) + ")") : "gid " + std::to_string(gid);
}

std::string octal_mode(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof(text), "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

std::string origin_of(const std::string& socket) {
  if (!socket.empty()) return "--socket";
  const char* path = std::getenv("PANNIER_SOCKET");
  return path && *path ? "$PANNIER_SOCKET" : "the default path";
}

std::string how_to_start(const std::string& path) {
  // Where the packages have systemd listen.
  const char* service = path == "/run/pannier/pannier.sock" ? "\n  systemctl start pannier.socket\nor" : "";
  return std::string("Is pannierd running? Start it with") + service + "\n  pannierd --socket " + path +
         " --data-dir DIR\nIf it listens elsewhere, say where with --socket PATH or in $PANNIER_SOCKET.";
}

std::string advice_on_permission(const std::string& path) {
  const std::string self = "This process is " + user_name(::geteuid()) + ".";
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) {
    return self + " It may not even look into the directory: check the modes of the directories on the way.";
  }
  return "The socket has mode " + octal_mode(status.st_mode) + ", owner " + user_name(status.st_uid) +
         ", group " + group_name(status.st_gid) + ".\n" + self +
         " To connect takes the right to write: become a member of the group,\n" +
         "or start pannierd with another --socket-mode or --socket-group.";
}

std::string advice_on_refusal(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode)) return "This file is no socket.";
  return "The socket is there, but nobody listens: pannierd has ended. " + how_to_start(path);
}

std::string advice_on_connection(const ConnectionError& error, const std::string& path) {
  switch (error.system_error()) {
    case ENOENT:
    case ENOTDIR:
      return how_to_start(path);
    case ECONNREFUSED:
      return advice_on_refusal(path);
    case EACCES:
    case EPERM:
      return advice_on_permission(path);
    case ENAMETOOLONG:
      return "The path of a socket has at most 107 bytes.";
    default:
      return "The log of pannierd may tell why.";
  }
}

std::string advice_on(const Error& error, const std::string& path) {
  switch (error.code()) {
    case ErrorCode::kUnknownCache:
      return "`pannier info` lists the caches; `pannier open CACHE --tier lru` creates one.";
    case ErrorCode::kConflict:
      return "`pannier info CACHE` shows its settings; `pannier open` with --alter changes bounds and ages.";
    case ErrorCode::kUnknownMethod:
      return "pannierd is older than this command: `pannier info` shows its version.";
    case ErrorCode::kDenied:
      return "This process is " + user_name(::geteuid()) + ", group " + group_name(::getegid()) +
             ". Its other groups count as they were when it started: after a change, log in again.";
    case ErrorCode::kOverloaded:
    case ErrorCode::kShuttingDown:
      return "Try again in a moment.";
    case ErrorCode::kTimeout:
      return "pannierd is busy or stopped; --timeout waits longer.";
    case ErrorCode::kProtocol:
      return "What listens there may be no pannierd.";
    case ErrorCode::kConnection:
      return advice_on_connection(dynamic_cast<const ConnectionError&>(error), path);
    default:
      return {};
  }
}

}  // namespace

ExitCode exit_code_of(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kConnection:
    case ErrorCode::kTimeout:
    case ErrorCode::kProtocol:
      return ExitCode::kNoConnection;
    case ErrorCode::kInvalidArgument:
      return ExitCode::kUsage;
    default:
      return ExitCode::kServerError;
  }
}

std::string explained(const Error& error, const std::string& socket) {
  const auto path = socket.empty() ? default_socket_path() : socket;
  std::string text = error.what();
  const auto advice = advice_on(error, path);
  if (const auto* transport = dynamic_cast<const TransportError*>(&error)) {
    text += text.find(path) == std::string::npos ? " (" + path + ", " : " (";
    text += origin_of(socket) + ")";
    if (transport->may_have_run()) text += "\nThe request may have been executed nevertheless.";
  }
  return advice.empty() ? text : text + "\n" + advice;
}

}  // namespace pannier::cli
