// Shape: one cell of the matrix that socket_bench measures: what is asked for, of which size, in what order,
// on how many connections and how many requests deep; and which cells there are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/load/tape.h"

namespace pannier::bench {

struct Shape {
  load::Mix mix = load::Mix::kGet;
  std::size_t value_bytes = 64;
  std::uint32_t connections = 1;
  std::uint32_t depth = 1;
  load::KeyChoice keys = load::KeyChoice::kZipf;

  bool operator==(const Shape&) const = default;
  /// "get 64 B, 16x16, zipf".
  std::string name() const;
  /// "16x16".
  std::string form() const;
  /// Of values that are under way at most.
  std::uint64_t bytes_under_way() const;
};

/// What remains of a list of shapes; an empty list of words lets all of them through.
struct ShapeFilter {
  std::vector<std::string> shapes{};  ///< "16x16"
  std::vector<std::size_t> values{};
  std::vector<std::string> mixes{};
  std::vector<std::string> keys{};

  bool wants(const Shape& shape) const;
  bool is_empty() const { return shapes.empty() && values.empty() && mixes.empty() && keys.empty(); }
};

/// The one in which Pannier is measured with adaptive spinning too.
Shape spinning_shape();
/// Those with a target, with keys in the order of zipf.
std::vector<Shape> target_shapes();
/// All of connections, depths, values, mixes and choices of keys; but not those that have more than
/// kBytesUnderWayMax under way.
std::vector<Shape> all_shapes();
inline constexpr std::uint64_t kBytesUnderWayMax = std::uint64_t{128} << 20;

/// "64 B", "1 KiB".
std::string size_name(std::size_t bytes);
/// How many entries of this size are asked for.
std::uint32_t entries_of(std::size_t value_bytes);

}  // namespace pannier::bench
