#include "tests/crash/injector.h"

#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <utility>

namespace pannier::test {
namespace {

/// A child that takes longer hangs. Seconds in which it was stopped together with all else, or had no
/// processor, are one and not many, as they are to alarm(2): it is asked once a second whether it runs.
constexpr int kChildSeconds = 30;
volatile std::sig_atomic_t seconds_left = kChildSeconds;

void count_second(int signal) {
  seconds_left = seconds_left - 1;
  if (seconds_left > 0) return;
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void end_if_it_hangs() {
  struct sigaction action {};
  action.sa_handler = count_second;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGALRM, &action, nullptr);
  const itimerval each_second{.it_interval = {.tv_sec = 1, .tv_usec = 0},
                              .it_value = {.tv_sec = 1, .tv_usec = 0}};
  ::setitimer(ITIMER_REAL, &each_second, nullptr);
}

bool takes_space(Call call) {
  return call == Call::kAppend || call == Call::kNewFile || call == Call::kMakeDirectory;
}

/// How a single call can fail.
std::vector<Fault> faults_of(Call call) {
  switch (call) {
    case Call::kAppend:
      return {Fault::kRefused, Fault::kPartly, Fault::kDoneAll};
    case Call::kSync:
      return {Fault::kRefused, Fault::kLost, Fault::kDoneAll};
    case Call::kNewFile:
    case Call::kSyncDirectory:
    case Call::kRename:
    case Call::kRemove:
    case Call::kMakeDirectory:
      return {Fault::kRefused, Fault::kDoneAll};
    default:
      return {Fault::kRefused};
  }
}

std::string_view name_of(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "done";
    case Fault::kRefused:
      return "refused";
    case Fault::kDoneAll:
      return "done and said to have failed";
    case Fault::kPartly:
      return "done in part";
    case Fault::kLost:
      return "lost";
  }
  return "";
}

std::string_view name_of(Survival survival) {
  if (survival == Survival::kNothing) return "power loss: what was synced is left";
  if (survival == Survival::kAllNames) return "power loss: all names are left, and torn contents";
  return "power loss: some names are left, and torn contents";
}

}  // namespace

std::vector<Injector::Scenario> Injector::scenarios_of(Call call) {
  std::vector<Scenario> scenarios;
  const bool changes =
      call != Call::kOpen && call != Call::kRead && call != Call::kList && call != Call::kLock;
  if (changes) {
    for (const Survival survival : {Survival::kNothing, Survival::kAllNames, Survival::kSomeNames})
      scenarios.push_back({Event::kPowerLoss, survival});
  }
  for (const Fault fault : faults_of(call)) scenarios.push_back({Event::kFault, {}, fault});
  if (takes_space(call)) scenarios.push_back({Event::kFullDisk});
  if (changes) scenarios.push_back({Event::kBrokenDisk});
  return scenarios;
}

std::string Injector::text_of(const Scenario& scenario, Call call) {
  if (scenario.event == Event::kPowerLoss) return std::string(name_of(scenario.survival));
  if (scenario.event == Event::kFullDisk) return "disk full";
  if (scenario.event == Event::kBrokenDisk) return "disk broken";
  return std::string(test::name_of(call)) + ": " + std::string(name_of(scenario.fault));
}

Fault Injector::before(Call call) {
  if (is_child_) return go_on(call);
  const std::uint64_t number = ++calls_;
  if (number % stride_ != 0) return Fault::kNone;
  std::vector<Scenario> scenarios = scenarios_of(call);
  if (stride_ > 1) scenarios = {scenarios[dice_.below(scenarios.size())]};
  for (const Scenario& scenario : scenarios) {
    if (const auto fault = in_child(scenario, call, number)) return *fault;
  }
  return Fault::kNone;
}

std::optional<Fault> Injector::in_child(const Scenario& scenario, Call call, std::uint64_t number) {
  ++injected_[text_of(scenario, call)];
  std::cout.flush();
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    is_child_ = true;
    end_if_it_hangs();
    dice_ = storage::Dice(seed_ ^ (number * 64 + static_cast<std::uint64_t>(scenario.event) * 16 +
                                   static_cast<std::uint64_t>(scenario.survival) * 8 +
                                   static_cast<std::uint64_t>(scenario.fault)));
    return begin(scenario, call);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::nullopt;
  const std::string how = child < 0             ? "not forked"
                          : WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                                : "see above";
  failures_.push_back("call " + std::to_string(number) + " (" + std::string(test::name_of(call)) + "), " +
                      text_of(scenario, call) + ": " + how);
  return std::nullopt;
}

Fault Injector::begin(const Scenario& scenario, Call call) {
  if (scenario.event == Event::kPowerLoss) lose_power(scenario.survival);
  env_.help_when_stuck();
  operations_left_ = dice_.below(12);
  const std::uint64_t after = dice_.below(10);
  if (after < 4) power_loss_in_ = 1 + dice_.below(80);
  if (after >= 3 && after < 7) fault_in_ = 1 + dice_.below(60);
  if (scenario.event == Event::kFault) return scenario.fault;
  trouble_calls_ = 1 + dice_.below(30);
  is_full_ = scenario.event == Event::kFullDisk;
  return is_full_ && call == Call::kAppend ? Fault::kPartly : Fault::kRefused;
}

Fault Injector::go_on(Call call) {
  if (power_loss_in_ && --*power_loss_in_ == 0) lose_power(static_cast<Survival>(dice_.below(3)));
  if (trouble_calls_ > 0) return fault_of_trouble(call);
  if (fault_in_ && --*fault_in_ == 0) {
    fault_in_.reset();
    const std::vector<Fault> faults = faults_of(call);
    return faults[dice_.below(faults.size())];
  }
  return Fault::kNone;
}

Fault Injector::fault_of_trouble(Call call) {
  if (is_full_ && !takes_space(call)) return Fault::kNone;
  --trouble_calls_;
  return Fault::kRefused;
}

bool Injector::survives(Survival survival) {
  const auto fault = check_(env_.files().after_power_loss(survival, dice_));
  if (fault) std::printf("after %s: %s\n", std::string(name_of(survival)).c_str(), fault->c_str());
  return !fault;
}

void Injector::lose_power(Survival survival) {
  const bool is_sound = survives(survival);
  std::fflush(stdout);
  _exit(is_sound ? 0 : 1);
}

bool Injector::ends_now() { return is_child_ && (operations_left_ == 0 || --operations_left_ == 0); }

void Injector::end(bool is_sound) {
  is_sound &= survives(Survival::kNothing);
  is_sound &= survives(Survival::kSomeNames);
  std::cout.flush();
  std::fflush(stdout);
  _exit(is_sound ? 0 : 1);
}

}  // namespace pannier::test
