// SpareOutputs: the memory of large outputs that were sent, for the next ones: who is sent much again and
// again does not have it taken and given back each time, and who is sent nothing holds none of it. What is
// kept is bounded whatever was sent. Thread safety: none.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace pannier::daemon {

class SpareOutputs {
 public:
  static constexpr std::size_t kCountMax = 16;
  static constexpr std::size_t kBytesMax = std::size_t{512} << 10;  ///< of each
  /// No output gets more than so many times what it is expected to need.
  static constexpr std::size_t kSlackFactorMax = 4;

  SpareOutputs() { spares_.reserve(kCountMax); }

  /// Leaves `output` empty and without memory of its own.
  void give(std::string& output) {
    std::string spare;
    spare.swap(output);
    if (spares_.size() == kCountMax || spare.capacity() > kBytesMax) return;
    spare.clear();
    spares_.push_back(std::move(spare));
  }
  /// Gives `output`, which is empty, memory for about so many bytes, if any is kept.
  void lend(std::string& output, std::size_t bytes) {
    const auto fits = [bytes](const std::string& spare) {
      return spare.capacity() <= kSlackFactorMax * bytes;
    };
    const auto found = std::ranges::find_if(spares_, fits);
    if (found == spares_.end()) return;
    output.swap(*found);
    found->swap(spares_.back());
    spares_.pop_back();
  }

 private:
  std::vector<std::string> spares_;
};

}  // namespace pannier::daemon
