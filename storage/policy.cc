#include "storage/policy.h"

#include <array>

#include "storage/broken.h"

namespace pannier::storage {
namespace {

struct PolicyRow {
  PolicyKind kind;
  std::unique_ptr<Policy> (*make)(Arena& arena, EntryList& order);
};

constexpr std::array<PolicyRow, 2> kRows = {{
    {PolicyKind::kLru, make_lru_policy},
    {PolicyKind::kFifo, make_fifo_policy},
}};

}  // namespace

std::unique_ptr<Policy> make_policy(PolicyKind kind, Arena& arena, EntryList& order) {
  for (const PolicyRow& row : kRows) {
    if (row.kind == kind) return row.make(arena, order);
  }
  broken("a policy without a row");
}

}  // namespace pannier::storage
