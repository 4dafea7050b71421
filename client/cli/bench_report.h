// What `pannier bench` prints: the figures of one load, for people or as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "client/cli/session.h"
#include "client/load/generator.h"
#include "client/load/key_choice.h"

namespace pannier::cli {

/// What was asked for.
struct BenchShape {
  std::uint64_t connections = 16;
  std::uint64_t depth = 16;
  std::uint64_t value_bytes = 64;
  std::uint64_t keys = 10'000;
  load::Mix mix = load::Mix::kGet;
  load::KeyChoice choice = load::KeyChoice::kZipf;
};

/// `has_server`: whether the daemon's processor time was noted.
void print_bench(Session& session, const BenchShape& shape, const load::Measured& measured, bool has_server);

}  // namespace pannier::cli
