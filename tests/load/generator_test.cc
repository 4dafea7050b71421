// The generator on a real daemon: that it counts what was answered, and notices what is wrong.
#include "client/load/generator.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "client/load/rpc_dialect.h"
#include "pannier/client.h"
#include "tests/client/daemon_process.h"

namespace pannier::load {
namespace {

class Generator : public ::testing::Test {
 protected:
  LoadOptions options(std::uint32_t connections, std::uint32_t depth) const {
    return {.socket_path = daemon_.path(),
            .connections = connections,
            .depth = depth,
            .warmup_s = 0.01,
            .measured_s = 0.05};
  }

  void fill(const RpcDialect& dialect, const Entries& entries) const {
    run_once(dialect, Tape::of_puts(dialect, 0, entries.count()), options(3, 4));
  }

  test::DaemonProcess daemon_;
  Client client_{daemon_.options()};
};

std::vector<char> value_of(const Entries& entries, std::uint32_t number) {
  std::string bytes;
  entries.append_value(bytes, number);
  return {bytes.begin(), bytes.end()};
}

TEST_F(Generator, once_round_the_tape_writes_everything_once) {
  const Entries entries(1'001, 64);
  fill(RpcDialect(entries, "lru"), entries);
  const CacheInfo info = client_.info("lru");
  EXPECT_EQ(info.currsize, 1'001U);
  EXPECT_EQ(info.puts, 1'001U);
  EXPECT_EQ(client_.get<std::vector<char>>("lru", view_of(key_of(1'000))), value_of(entries, 1'000));
}

TEST_F(Generator, every_mix_and_size_is_answered) {
  for (const std::size_t bytes : {5U, 64U, 16'384U, 300'000U}) {
    const Entries entries(50, bytes);
    const RpcDialect dialect(entries, "lru");
    fill(dialect, entries);
    for (const Mix mix : {Mix::kGet, Mix::kGetPut, Mix::kGetMany, Mix::kPut, Mix::kPutTtl}) {
      if (mix == Mix::kGetMany && bytes > kManyValueBytesMax) continue;
      const auto tape = Tape::of_load(dialect, entries, mix, KeyChoice::kZipf);
      for (const std::uint32_t depth : {1U, 5U}) {
        const auto measured = run_load(dialect, tape, options(7, depth));
        EXPECT_GT(measured.requests, 0U);
        EXPECT_EQ(measured.requests, measured.latencies.count());
        EXPECT_GE(measured.seconds, 0.05);
      }
    }
  }
}

TEST_F(Generator, processor_time_of_both_sides_is_noted) {
  const Entries entries(50, 64);
  const RpcDialect dialect(entries, "lru");
  fill(dialect, entries);
  auto with_server = options(4, 4);
  with_server.server = static_cast<pid_t>(client_.hello().pid);
  const auto tape = Tape::of_load(dialect, entries, Mix::kGet, KeyChoice::kUniform);
  const auto measured = run_load(dialect, tape, with_server);
  EXPECT_GT(measured.generator_cpu_s, 0);
  EXPECT_GT(measured.server_cpu_s, 0);
}

TEST_F(Generator, a_key_that_is_missing_ends_the_run) {
  const Entries entries(50, 64);
  const RpcDialect dialect(entries, "lru");
  fill(dialect, entries);
  client_.erase("lru", view_of(key_of(17)));
  const auto tape = Tape::of_load(dialect, entries, Mix::kGet, KeyChoice::kUniform);
  EXPECT_THROW(run_load(dialect, tape, options(2, 4)), Fault);
}

TEST_F(Generator, a_value_of_another_size_ends_the_run) {
  const Entries entries(50, 64);
  const RpcDialect dialect(entries, "lru");
  fill(dialect, entries);
  client_.put("lru", view_of(key_of(17)), std::vector<char>(65));
  const auto tape = Tape::of_load(dialect, entries, Mix::kGetMany, KeyChoice::kUniform);
  EXPECT_THROW(run_load(dialect, tape, options(2, 4)), Fault);
}

TEST_F(Generator, values_under_wrong_keys_end_the_run) {
  const Entries entries(2, 64);
  const RpcDialect dialect(entries, "lru");
  client_.put("lru", view_of(key_of(0)), value_of(entries, 1));
  client_.put("lru", view_of(key_of(1)), value_of(entries, 0));
  const auto tape = Tape::of_load(dialect, entries, Mix::kGet, KeyChoice::kUniform);
  EXPECT_THROW(run_load(dialect, tape, options(2, 4)), Fault);
}

TEST_F(Generator, a_daemon_that_ends_ends_the_run) {
  const Entries entries(50, 64);
  const RpcDialect dialect(entries, "lru");
  fill(dialect, entries);
  const auto tape = Tape::of_load(dialect, entries, Mix::kGet, KeyChoice::kUniform);
  auto forever = options(2, 4);
  forever.measured_s = 60;
  std::thread stopper([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    daemon_.stop();
  });
  EXPECT_THROW(run_load(dialect, tape, forever), Fault);
  stopper.join();
}

TEST(GeneratorAlone, a_socket_without_a_server_is_a_fault) {
  const Entries entries(1, 64);
  const RpcDialect dialect(entries, "lru");
  const auto tape = Tape::of_puts(dialect, 0, 1);
  EXPECT_THROW(run_once(dialect, tape, {.socket_path = "nowhere/socket"}), NoConnection);
}

}  // namespace
}  // namespace pannier::load
