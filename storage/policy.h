// Policy: the order in which a cache's entries go for space. One object a cache; it links the entries that
// can go, and owns none. A policy is a file in policies/ and a row in policy.cc.
//
// A stamp is a number that grows with every use in the whole catalog: entries of several caches compare by
// `place`. Everything takes constant time.
#pragma once

#include <cstdint>
#include <memory>

#include "storage/entry.h"
#include "storage/settings.h"

namespace pannier::storage {

class Policy {
 public:
  virtual ~Policy() = default;

  virtual void inserted(Entry& entry, std::uint64_t stamp) = 0;
  /// Precondition of all below: the entry (`old_entry`) was inserted and not removed.
  virtual void used(Entry& entry, std::uint64_t stamp) = 0;
  /// An overwrite: `fresh` is in the order instead of `old_entry`.
  virtual void replaced(Entry& old_entry, Entry& fresh, std::uint64_t stamp) = 0;
  virtual void removed(Entry& entry) = 0;
  /// What is to go next, `except` left out; null if there is nothing else.
  virtual Entry* victim(const Entry* except) const = 0;
};

std::unique_ptr<Policy> make_lru_policy();
std::unique_ptr<Policy> make_fifo_policy();
std::unique_ptr<Policy> make_policy(PolicyKind kind);

}  // namespace pannier::storage
