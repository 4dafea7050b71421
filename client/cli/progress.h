// Progress: how far something long is, on one line of standard error that is written over. Silent unless
// standard error is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace pannier::cli {

class Progress {
 public:
  /// `doing`: "backing up". `entries`: about how many there are; 0: unknown.
  Progress(std::string doing, std::uint64_t entries);
  /// Wipes the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void set_entries(std::uint64_t entries) { entries_ = entries; }
  /// Cheap, so it may be called often.
  void reached(std::uint64_t entries, std::uint64_t bytes);

 private:
  std::string doing_;
  std::uint64_t entries_;
  bool is_shown_;
  bool has_line_ = false;
  std::chrono::steady_clock::time_point next_at_{};
};

}  // namespace pannier::cli
