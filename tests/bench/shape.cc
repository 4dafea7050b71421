#include "tests/bench/shape.h"

#include <algorithm>
#include <array>

namespace pannier::bench {
namespace {

using load::KeyChoice;
using load::Mix;

constexpr std::size_t kSmall = 64;
constexpr std::size_t kMedium = 1024;
constexpr std::size_t kLarge = std::size_t{16} << 10;
constexpr std::size_t kHuge = std::size_t{256} << 10;
/// Values of puts that are measured by themselves: how they arrive depends on their size.
constexpr std::array<std::size_t, 4> kPutValues{64U << 10, 128U << 10, 256U << 10, 1U << 20};
constexpr std::array kConnections{1U, 16U, 64U, 512U};
constexpr std::array kDepths{1U, 16U, 64U};

constexpr std::uint32_t kEntriesMax = 100'000;
constexpr std::uint64_t kEntriesBytesMax = std::uint64_t{200} << 20;

template <typename Each>
bool has(const std::vector<Each>& list, const Each& each) {
  return list.empty() || std::ranges::count(list, each) > 0;
}

}  // namespace

std::string Shape::form() const { return std::to_string(connections) + 'x' + std::to_string(depth); }

std::string Shape::name() const {
  return std::string(load::name_of(mix)) + ' ' + size_name(value_bytes) + ", " + form() + ", " +
         std::string(load::name_of(keys));
}

std::uint64_t Shape::bytes_under_way() const {
  return std::uint64_t{connections} * depth * load::keys_of(mix) * value_bytes;
}

bool ShapeFilter::wants(const Shape& shape) const {
  return has(shapes, shape.form()) && has(values, shape.value_bytes) &&
         has(mixes, std::string(load::name_of(shape.mix))) &&
         has(keys, std::string(load::name_of(shape.keys)));
}

Shape spinning_shape() { return {.value_bytes = kSmall}; }

std::vector<Shape> target_shapes() {
  std::vector<Shape> shapes;
  for (const std::size_t bytes : {kSmall, kMedium}) {
    for (const auto connections : kConnections)
      shapes.push_back({.value_bytes = bytes, .connections = connections});
  }
  shapes.push_back({.value_bytes = kSmall, .connections = 16, .depth = 16});
  shapes.push_back({.value_bytes = kSmall, .connections = 64, .depth = 64});
  shapes.push_back({.mix = Mix::kGetPut, .value_bytes = kSmall, .connections = 16, .depth = 16});
  shapes.push_back({.mix = Mix::kGetMany, .value_bytes = kSmall, .connections = 16});
  for (const std::size_t bytes : {kLarge, kHuge}) {
    for (const auto connections : kConnections) {
      for (const auto depth : kDepths) {
        const Shape shape{.value_bytes = bytes, .connections = connections, .depth = depth};
        if (shape.bytes_under_way() <= kBytesUnderWayMax) shapes.push_back(shape);
      }
    }
  }
  return shapes;
}

std::vector<Shape> all_shapes() {
  std::vector<Shape> shapes;
  for (const std::size_t bytes : {kSmall, kMedium, kLarge, kHuge}) {
    for (const Mix mix : {Mix::kGet, Mix::kGetPut, Mix::kGetMany}) {
      for (const auto connections : kConnections) {
        for (const auto depth : kDepths) {
          for (const KeyChoice keys : {KeyChoice::kZipf, KeyChoice::kUniform}) {
            const Shape shape{mix, bytes, connections, depth, keys};
            if (mix == Mix::kGetMany && (depth > 1 || bytes > load::kManyValueBytesMax)) continue;
            if (shape.bytes_under_way() <= kBytesUnderWayMax) shapes.push_back(shape);
          }
        }
      }
    }
  }
  for (const Mix mix : {Mix::kPut, Mix::kPutTtl}) {
    for (const auto connections : kConnections) {
      for (const auto depth : kDepths) shapes.push_back({mix, kSmall, connections, depth, KeyChoice::kZipf});
    }
  }
  for (const std::size_t bytes : kPutValues) {
    for (const auto connections : {1U, 16U, 64U})
      shapes.push_back({Mix::kPut, bytes, connections, 1, KeyChoice::kZipf});
  }
  return shapes;
}

std::string size_name(std::size_t bytes) {
  return bytes < 1024 ? std::to_string(bytes) + " B" : std::to_string(bytes / 1024) + " KiB";
}

std::uint32_t entries_of(std::size_t value_bytes) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(kEntriesMax, kEntriesBytesMax / value_bytes));
}

}  // namespace pannier::bench
