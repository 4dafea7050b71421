// The mutations of storage that death_test lets a process die in.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/storage/death_world.h"

namespace pannier::storage {

/// What a program sees of the states between the beginning and the end.
enum class Promise : std::uint8_t {
  kWhole,    ///< everything old, or everything new
  kEvicts,   ///< entries go one by one, the least recently used first, and then it is done as a whole
  kInSteps,  ///< each key old or new, and never old again
};

struct Mutation {
  std::string name;
  Prepared prepared = Prepared::kRoomy;
  std::function<void(World&)> run{};
  std::function<void(World&)> setup{};  ///< before the trap begins
  Promise promise = Promise::kWhole;
  bool changes = true;     ///< whether a program sees that it was done
  bool must_move = false;  ///< it must move entries, or it is not what its name says
  bool is_making = false;  ///< it makes the catalog itself
};
inline std::ostream& operator<<(std::ostream& out, const Mutation& mutation) { return out << mutation.name; }

std::vector<Mutation> all_mutations();
/// Those of all_mutations() that are in death_drafts.cc.
std::vector<Mutation> draft_mutations();

/// The value that mutations put: nothing has such a one before.
std::string letters(std::size_t bytes);
/// Aborts if a mutation is not what its name says.
void check(bool holds, const char* what);

}  // namespace pannier::storage
