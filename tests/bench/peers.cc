#include "tests/bench/peers.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/bench/processors.h"
#include "tests/bench/socket.h"

namespace pannier::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kStartMax{600};
constexpr std::chrono::seconds kEndMax{60};

/// As far as the kernel and our rights let us: a session of our own that counts most among all sessions, and
/// short turns, for which others are interrupted. Not a real-time policy: the kernel takes that away now and
/// then from one that is busy.
void go_first() {
  ::setsid();
  std::ofstream("/proc/self/autogroup") << "-20" << std::flush;
  ::setpriority(PRIO_PROCESS, 0, -20);
  struct {
    std::uint32_t size = 48;
    std::uint32_t policy = SCHED_OTHER;
    std::uint64_t flags = 0;
    std::int32_t nice = -20;
    std::uint32_t priority = 0;
    std::uint64_t turn_ns = 100'000;
    std::uint64_t deadline_ns = 0;
    std::uint64_t period_ns = 0;
  } attributes;
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

/// In the child: becomes the program, or ends.
[[noreturn]] void become(std::vector<std::string> command, const std::string& log_path,
                         const ServerOptions& options) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (options.processor) pin_thread(*options.processor);
  if (options.is_urgent) go_first();
  const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  std::vector<char*> arguments;
  for (auto& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

}  // namespace

std::string_view peer_name(Peer peer) {
  switch (peer) {
    case Peer::kPannier:
      return "pannier";
    case Peer::kRedis:
      return "redis";
    case Peer::kMemcached:
      return "memcached";
  }
  return "";
}

std::vector<Peer> peers_named(const std::vector<std::string>& names) {
  if (names.empty()) return {kPeers.begin(), kPeers.end()};
  std::vector<Peer> peers;
  for (const auto& name : names) {
    const auto found =
        std::find_if(kPeers.begin(), kPeers.end(), [&](Peer peer) { return peer_name(peer) == name; });
    if (found == kPeers.end()) throw std::runtime_error("no server is named " + name);
    peers.push_back(*found);
  }
  return peers;
}

std::string pannierd_path(const std::string& program) { return program.empty() ? PANNIERD_PATH : program; }

Server::Server(Peer peer, ServerOptions options)
    : peer_(peer), options_(std::move(options)), socket_path_(directory_.path() + "/socket") {
  spawn();
  wait_until_served(std::chrono::milliseconds(5));
}

void Server::wait_until_served(std::chrono::microseconds pause) {
  const auto deadline = steady_clock::now() + kStartMax;
  while (!Socket::is_served(socket_path_)) {
    const bool has_ended = ::waitpid(pid_, nullptr, WNOHANG) != 0;
    if (has_ended) pid_ = 0;
    if (has_ended || steady_clock::now() > deadline) {
      const std::string text = "cannot start " + command().front() + ": " + log();
      end(SIGKILL);
      throw std::runtime_error(text);
    }
    std::this_thread::sleep_for(pause);
  }
}

Server::~Server() { end(SIGTERM); }

std::vector<std::string> Server::command() const {
  const std::string bytes = std::to_string(options_.memory_bytes);
  std::vector<std::string> words;
  switch (peer_) {
    case Peer::kPannier:
      words = {pannierd_path(options_.program), "--socket",       socket_path_, "--data-dir",
               directory_.path() + "/data",     "--memory-limit", bytes};
      break;
    case Peer::kRedis:
      words = {
          "redis-server",    "--port",      "0",   "--unixsocket",       socket_path_, "--save", "", "--dir",
          directory_.path(), "--maxmemory", bytes, "--maxmemory-policy", "allkeys-lru"};
      break;
    case Peer::kMemcached:
      words = {"memcached", "-s", socket_path_, "-m", std::to_string(options_.memory_bytes >> 20)};
      if (::getuid() == 0) words.insert(words.end(), {"-u", "root"});
      break;
  }
  words.insert(words.end(), options_.arguments.begin(), options_.arguments.end());
  return words;
}

void Server::spawn() {
  const auto words = command();
  const std::string log_path = directory_.path() + "/log";
  pid_ = ::fork();
  if (pid_ == 0) become(words, log_path, options_);
  if (pid_ < 0) throw std::runtime_error("cannot fork");
}

void Server::end(int signal) {
  if (pid_ == 0) return;
  ::kill(pid_, signal);
  const auto deadline = steady_clock::now() + kEndMax;
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (steady_clock::now() > deadline) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  pid_ = 0;
}

std::string Server::log() const {
  std::ostringstream text;
  text << std::ifstream(directory_.path() + "/log").rdbuf();
  return text.str();
}

std::uint64_t Server::status_bytes(std::string_view field) const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stoull(line.substr(field.size())) * 1024;
  }
  throw std::runtime_error(std::string(peer_name(peer_)) + " has ended: " + log());
}

std::uint64_t Server::resident_bytes() const { return status_bytes("VmRSS:"); }
std::uint64_t Server::resident_bytes_peak() const { return status_bytes("VmHWM:"); }

std::uint64_t Server::resident_bytes_at_rest() const {
  std::uint64_t bytes = resident_bytes();
  for (int seconds = 0; seconds < 10; ++seconds) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    if (std::exchange(bytes, resident_bytes()) == bytes) break;
  }
  return bytes;
}

void Server::forget_resident_peak() const {
  std::ofstream("/proc/" + std::to_string(pid_) + "/clear_refs") << "5\n" << std::flush;
}

}  // namespace pannier::bench
