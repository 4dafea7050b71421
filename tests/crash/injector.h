// Injector: at the calls of a run on a CrashEnv it forks processes, each of which meets something there that
// the run itself does not: power loss, a call that fails, a disk that is full or broken for a while. What
// has failed goes on for some operations, maybe meets another fault, and ends by losing power too. So every
// moment of one run is a test of its own, and none has to be run up to there again.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "tests/crash/crash_env.h"

namespace pannier::test {

class Injector final : public CallWatcher {
 public:
  /// What is wrong with what a power loss has left, if anything.
  using CheckSurvivors = std::function<std::optional<std::string>(CrashFiles)>;

  /// At every `stride`-th call: with 1 all that can happen there, else one of it.
  Injector(CrashEnv& env, std::uint64_t seed, std::uint64_t stride, CheckSurvivors check)
      : env_(env), seed_(seed), stride_(stride), dice_(seed), check_(std::move(check)) {}

  Fault before(Call call) override;

  /// To be asked after each operation: whether this process is one that was forked and has to end now.
  bool ends_now();
  /// Its end, after what was left to do. `is_sound`: nothing was found on the way.
  [[noreturn]] void end(bool is_sound);

  bool is_child() const { return is_child_; }
  std::uint64_t calls() const { return calls_; }
  const std::map<std::string, std::uint64_t>& injected() const { return injected_; }
  /// What went wrong, one line each.
  const std::vector<std::string>& failures() const { return failures_; }

 private:
  enum class Event : std::uint8_t { kPowerLoss, kFault, kFullDisk, kBrokenDisk };
  struct Scenario {
    Event event;
    Survival survival = Survival::kNothing;
    Fault fault = Fault::kNone;
  };

  static std::vector<Scenario> scenarios_of(Call call);
  static std::string text_of(const Scenario& scenario, Call call);
  /// In a process of its own; what that one's call comes to, nothing in the one that goes on.
  std::optional<Fault> in_child(const Scenario& scenario, Call call, std::uint64_t number);
  Fault begin(const Scenario& scenario, Call call);
  Fault go_on(Call call);
  Fault fault_of_trouble(Call call);
  [[noreturn]] void lose_power(Survival survival);
  bool survives(Survival survival);

  CrashEnv& env_;
  const std::uint64_t seed_;
  const std::uint64_t stride_;
  storage::Dice dice_;
  CheckSurvivors check_;
  std::uint64_t calls_ = 0;
  std::map<std::string, std::uint64_t> injected_;
  std::vector<std::string> failures_;

  // -- of a process that was forked

  bool is_child_ = false;
  bool is_full_ = false;             ///< what goes on is a full disk, not a broken one
  std::uint64_t trouble_calls_ = 0;  ///< that are still to fail
  std::uint64_t operations_left_ = 0;
  std::optional<std::uint64_t> power_loss_in_;  ///< calls
  std::optional<std::uint64_t> fault_in_;
};

}  // namespace pannier::test
