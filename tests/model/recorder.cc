#include "tests/model/recorder.h"

namespace pannier::storage {
namespace {

std::string entry_text(std::string_view what, const EntryView& entry) {
  return std::string(what) + " " + entry.value.str() + " version " + std::to_string(entry.version) +
         " deadline " + std::to_string(entry.deadline);
}

struct Texts {
  std::string operator()(const Hit& hit) const { return entry_text("hit", hit.entry); }
  std::string operator()(const Stale& stale) const { return entry_text("stale", stale.entry); }
  std::string operator()(const Miss&) const { return "miss"; }
  std::string operator()(const Cold&) const { return "cold"; }
  std::string operator()(const Written& written) const {
    return "written " + std::to_string(written.version);
  }
  std::string operator()(const NotHeld&) const { return "not held"; }
  std::string operator()(const NoVersions&) const { return "no versions"; }
  std::string operator()(const NotSupported&) const { return "not supported"; }
  std::string operator()(const TooBig& big) const {
    return "too big " + std::to_string(big.charge_bytes) + " of " + std::to_string(big.limit_bytes) +
           (big.limit_is_of_cache ? " of the cache" : " of memory");
  }
  std::string operator()(const DirtyFull& full) const {
    return "dirty full " + std::to_string(full.dirty_bytes);
  }
  std::string operator()(const Erased& erased) const { return erased.was_live ? "erased" : "was absent"; }
  std::string operator()(const Touched& touched) const { return touched.was_live ? "touched" : "was absent"; }
};

std::string_view word_of(Change change) {
  switch (change) {
    case Change::kWritten:
      return "written";
    case Change::kErased:
      return "erased";
    case Change::kExpired:
      return "expired";
    case Change::kEvicted:
      return "evicted";
  }
  return "";
}

}  // namespace

std::string text_of(const std::vector<Told>& told) {
  std::string text;
  for (const Told& one : told)
    text += one.cache + "/" + one.key + " " + std::string(word_of(one.change)) + "; ";
  return text;
}

std::string text_of(const Lookup& lookup) { return std::visit(Texts{}, lookup); }
std::string text_of(const PutOutcome& outcome) { return std::visit(Texts{}, outcome); }
std::string text_of(const EraseOutcome& outcome) { return std::visit(Texts{}, outcome); }
std::string text_of(const TouchOutcome& outcome) { return std::visit(Texts{}, outcome); }

std::string text_of(const CacheStats& stats) {
  std::string text;
  for (const std::uint64_t counter : {stats.hits, stats.misses, stats.puts, stats.deletes, stats.cleared,
                                      stats.evictions, stats.expirations}) {
    text += std::to_string(counter) + " ";
  }
  return text;
}

}  // namespace pannier::storage
