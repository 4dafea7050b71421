// Power loss at each call that the durable tier makes of the operating system, and each of these calls
// failing: what was acknowledged is there, nothing that was erased comes back, all of it can be gone on with.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "tests/crash/crash_env.h"
#include "tests/crash/injector.h"
#include "tests/crash/patient_store.h"
#include "tests/model/durable_driver.h"

namespace pannier::storage {
namespace {

using test::CrashEnv;
using test::CrashFiles;
using test::Injector;
using test::PatientStore;

constexpr const char* kPath = "/durable";
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

bool is_long() {
  const char* given = std::getenv("PANNIER_LONG");
  return given != nullptr && std::string_view(given) == "1";
}

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* given = std::getenv(variable);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

DurableCourse course() {
  return {.name = "crash",
          .memory_bytes_max = kMiB,
          .dirty_bytes_max = 200'000,
          .keys = 60,
          .value_bytes_max = 3'000,
          .value_bytes_large = 40'000,
          .value_bytes_huge = 150'000,
          .crowd_bytes_max = 60'000,
          .batch_bytes_max = 60'000,
          .is_short = true,
          .rare_weight = 10,
          .versions_block = 200};
}

/// Without an exception out of it: it is called from within LevelDB.
std::optional<std::string> fault_of(const DurableDriver& driver, CrashFiles files) {
  CrashEnv env(std::move(files));
  auto opened = LevelDbStore::open(kPath, test::smallest(), &env,
                                   [&](const std::string& path) { return env.sync_directory(path); });
  if (const auto* error = std::get_if<StoreError>(&opened)) return error->text;
  std::optional<std::string> fault;
  try {
    fault = driver.fault_after_power_loss(*std::get<0>(opened));
  } catch (const std::exception& error) {
    fault = error.what();
  }
  env.settle();
  return fault;
}

void run(DurableDriver& driver, Injector& injector, std::uint64_t operations) {
  for (std::uint64_t done = 0; done < operations && injector.failures().size() < 5; ++done) {
    driver.one();
    if (injector.ends_now()) break;
  }
  driver.finish();
}

/// A process that was forked does not come back.
void run_to_its_end(DurableDriver& driver, Injector& injector, std::uint64_t operations) {
  try {
    run(driver, injector, operations);
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what();
  }
  if (injector.is_child()) injector.end(!testing::Test::HasFailure());
}

TEST(Crash, nothing_acknowledged_is_lost_wherever_power_or_a_call_fails) {
  const std::uint64_t seed = number_of("PANNIER_MODEL_SEED", 1);
  const std::uint64_t operations = number_of("PANNIER_CRASH_OPERATIONS", is_long() ? 3'000 : 1'000);
  const std::uint64_t stride = number_of("PANNIER_CRASH_STRIDE", is_long() ? 1 : 5);
  CrashEnv env({});
  DurableDriver driver(course(), seed, std::make_unique<PatientStore>(env, kPath));
  Injector injector(env, seed, stride, [&](CrashFiles files) { return fault_of(driver, std::move(files)); });
  env.watch(&injector);
  run_to_its_end(driver, injector, operations);
  std::printf("%llu operations, %llu calls\n", static_cast<unsigned long long>(operations),
              static_cast<unsigned long long>(injector.calls()));
  EXPECT_GT(driver.rests(), 0U);
  for (const auto& [what, times] : injector.injected())
    std::printf("%8llu  %s\n", static_cast<unsigned long long>(times), what.c_str());
  for (const std::string& failure : injector.failures()) ADD_FAILURE() << failure;
}

}  // namespace
}  // namespace pannier::storage
