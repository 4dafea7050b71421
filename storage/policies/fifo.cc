// The oldest insertion goes first; an overwrite keeps its place, and uses change nothing.
#include "storage/entry_list.h"
#include "storage/policy.h"

namespace pannier::storage {
namespace {

class FifoPolicy final : public Policy {
 public:
  void inserted(Entry& entry, std::uint64_t stamp) override {
    entry.place = stamp;
    order_.push_newest(entry);
  }

  void used(Entry&, std::uint64_t) override {}

  void replaced(Entry& old_entry, Entry& fresh, std::uint64_t) override {
    fresh.place = old_entry.place;
    order_.replace(old_entry, fresh);
  }

  void removed(Entry& entry) override { order_.remove(entry); }

  Entry* victim(const Entry* except) const override { return order_.oldest_but(except); }

 private:
  EntryList order_{Entry::List::kRecency};
};

}  // namespace

std::unique_ptr<Policy> make_fifo_policy() { return std::make_unique<FifoPolicy>(); }

}  // namespace pannier::storage
