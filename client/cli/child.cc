#include "client/cli/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "client/cli/session.h"
#include "client/cli/value_form.h"

namespace pannier::cli {

namespace {

[[noreturn]] void throw_failed(const std::string& name, const std::string& what) {
  throw Failed(ExitCode::kLocal, name + ": " + what);
}

struct Child {
  pid_t pid;
  /// The end to read its standard output from.
  int output;
};

Child start(const std::vector<std::string>& command) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_failed("pipe", std::generic_category().message(errno));
  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error == 0) return {pid, ends[0]};
  ::close(ends[0]);
  throw_failed(command[0], std::generic_category().message(error));
}

// An error unless it ended with exit code 0.
void wait_for(const Child& child, const std::string& name) {
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFSIGNALED(status)) throw_failed(name, "ended by signal " + std::to_string(WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0)
    throw_failed(name, "ended with exit code " + std::to_string(WEXITSTATUS(status)));
}

}  // namespace

std::string output_of(const std::vector<std::string>& command) {
  const Child child = start(command);
  std::string output;
  try {
    output = read_descriptor(child.output, "the output of " + command[0]);
  } catch (const Failed&) {
    ::close(child.output);
    wait_for(child, command[0]);
    throw;
  }
  ::close(child.output);
  wait_for(child, command[0]);
  return output;
}

}  // namespace pannier::cli
