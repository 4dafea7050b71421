// WriteTrap: every single change of the arena while some code runs, in the order in which the machine made
// them. The mapping is read-only meanwhile: each instruction that writes into it is stopped, done alone with
// the processor's trap flag set, and what it changed is noted. An instruction that does not write leaves the
// arena as it was, so that what a process could leave by dying at any instruction at all is the start and the
// state after each of these.
//
// For a process that is forked for the purpose; the notes are in memory that it shares with its parent. Knows
// x86-64 alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace pannier::storage {

class WriteTrap {
 public:
  static constexpr std::size_t kBlockBytes = 64;

  /// Made before the fork. `bytes` is the size of the arena.
  explicit WriteTrap(std::size_t bytes);
  ~WriteTrap();
  WriteTrap(const WriteTrap&) = delete;
  WriteTrap& operator=(const WriteTrap&) = delete;

  // -- in the child

  /// From here on writes to `base` are noted.
  void begin(char* base);
  void end();
  /// Words that the child wants the parent to know.
  std::uint64_t& told(std::size_t number);

  // -- in the parent, after the child's end

  /// Whether begin() and end() were reached, and the notes were not full.
  bool is_whole() const;
  /// The arena when the trap began.
  const char* start() const { return start_; }
  std::uint64_t states() const;
  /// Calls `change` for each block of the state that comes after the one before; false at the end.
  using Change = std::function<void(std::size_t offset, const char* block)>;
  bool next_state(std::size_t& cursor, const Change& change) const;

 private:
  struct Head;
  struct Handlers;
  void note_page(std::size_t page);
  void protect(std::size_t page, bool may_write);

  std::size_t bytes_;
  Head* head_;
  char* start_;   ///< shared
  char* notes_;   ///< shared: for each state the number of blocks, and each with its offset
  char* shadow_;  ///< the arena as it was after the latest instruction
  char* base_ = nullptr;
};

}  // namespace pannier::storage
