// Policy: the order in which a cache's entries go for space. One object a cache; it keeps the entries that
// can go in an order, and owns none.
//
// A new one is a file in policies/ with its row in policy.cc; an enumerator and a name (settings.h, .cc), a
// number for the disk (record.cc); and, for clients in C++, C, Python and the command, one more enumerator
// and name in pannier/options.h.
//
// A stamp is a number that grows with every use in the whole catalog: entries of several caches compare by
// their place. Everything takes constant time, and changes are part of a transaction. The order is in the
// arena; a policy has no other state.
#pragma once

#include <cstdint>
#include <memory>

#include "storage/entry_list.h"
#include "storage/settings.h"

namespace pannier::storage {

class Policy {
 public:
  virtual ~Policy() = default;

  virtual void inserted(EntryAt entry, std::uint64_t stamp) = 0;
  /// Precondition of all below: the entry (`old_entry`) was inserted and not removed.
  virtual void used(EntryAt entry, std::uint64_t stamp) = 0;
  /// An overwrite: `fresh` is in the order instead of `old_entry`, which is freed. One in place is a use.
  virtual void replaced(EntryAt old_entry, EntryAt fresh, std::uint64_t stamp) = 0;
  virtual void removed(EntryAt entry) = 0;
  /// What is to go next, `except` left out; none if there is nothing else.
  virtual EntryAt victim(Ref except) const = 0;
};

/// `order` is the cache's list of Entry::List::kRecency.
std::unique_ptr<Policy> make_lru_policy(Arena& arena, EntryList& order);
std::unique_ptr<Policy> make_fifo_policy(Arena& arena, EntryList& order);
std::unique_ptr<Policy> make_policy(PolicyKind kind, Arena& arena, EntryList& order);

}  // namespace pannier::storage
