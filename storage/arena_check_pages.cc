// The pages, their classes, and whether each slot belongs to something.
#include <algorithm>
#include <cstring>

#include "storage/arena_check.h"
#include "storage/broken.h"

namespace pannier::storage {
namespace {

constexpr std::uint32_t kLow = 0xffff;

std::string on_page(std::uint32_t page, const char* what) {
  return "page " + std::to_string(page) + ": " + what;
}

}  // namespace

ArenaCheck::Fault ArenaCheck::fault_of_pages() {
  const ArenaHeader& head = arena_.header();
  const bool is_in_order = head.fresh_page >= arena_.first_page() && head.fresh_page <= arena_.pages() &&
                           head.populated_end <= arena_.pages() &&
                           (head.populated_end == 0 || head.populated_end >= head.fresh_page);
  if (!is_in_order) return "the header's page numbers are out of range";
  // From there on no page has a class, so that nothing leads to a slot of one.
  visited_.resize(ref_of(head.fresh_page, 0) / kBits);
  page_free_.resize(head.fresh_page);
  for (std::uint32_t page = arena_.first_page(); page < head.fresh_page; ++page) {
    if (arena_.class_of_page(page) == kFreePage) continue;
    if (auto fault = fault_of_page(page)) return fault;
    ++counts_.pages_used;
  }
  for (std::uint32_t page = head.fresh_page; page < arena_.pages(); ++page) {
    if (arena_.class_of_page(page) != kFreePage) return on_page(page, "was never used and has a class");
  }
  const bool has_evacuated = head.evacuated_page != 0;
  if (has_evacuated && (head.evacuated_page < arena_.first_page() || head.evacuated_page >= head.fresh_page ||
                        arena_.class_of_page(head.evacuated_page) < kFirstEntryClass))
    return "the page that is being emptied is none";
  if (auto fault = fault_of_free_pages()) return fault;
  return fault_of_classes();
}

ArenaCheck::Fault ArenaCheck::fault_of_page(std::uint32_t page) {
  const std::uint8_t number = arena_.class_of_page(page);
  if (number >= arena_.classes().count()) return on_page(page, "has no such class");
  const PageRecord& own = arena_.page(page);
  const std::uint32_t slots = arena_.classes().slots(number);
  const std::uint32_t fresh = own.free_and_fresh & kLow;
  const std::uint32_t free = own.free_and_fresh >> 16;
  if (fresh > slots || free >= slots) return on_page(page, "counts more slots than it has");
  const bool has_bin = free > 0 && page != arena_.header().evacuated_page;
  if (!has_bin && (own.first_free_and_bin & kLow) != kNoBin) return on_page(page, "is said to be in a bin");
  std::uint32_t listed = 0;
  for (std::uint32_t next = own.first_free_and_bin >> 16; next != 0; ++listed) {
    if (next > fresh || listed == fresh) return on_page(page, "its list of free slots leads out of it");
    const Ref ref = ref_of(page, next - 1);
    if (!visit(ref)) return on_page(page, "its list of free slots is a circle");
    if (number >= kFirstEntryClass && arena_.at<Entry>(ref).version_and_state != 0)
      return on_page(page, "a free slot is not marked as free");
    std::memcpy(&next, arena_.slot(ref), sizeof next);
  }
  if (listed + (slots - fresh) != free) return on_page(page, "its count of free slots is wrong");
  page_free_[page] = free;
  return std::nullopt;
}

ArenaCheck::Fault ArenaCheck::fault_of_free_pages() {
  const ArenaHeader& head = arena_.header();
  std::uint32_t page = head.first_free_page;
  for (; page != 0; page = arena_.page(page).next, ++counts_.pages_free) {
    const bool is_right = page >= arena_.first_page() && page < head.fresh_page &&
                          arena_.class_of_page(page) == kFreePage &&
                          counts_.pages_free < std::min(head.free_pages, head.fresh_page);
    if (!is_right) return "the list of free pages leads astray";
  }
  const std::uint64_t met = counts_.pages_used + counts_.pages_free;
  if (counts_.pages_free != head.free_pages || met != head.fresh_page - arena_.first_page())
    return "the number of free pages is wrong";
  return std::nullopt;
}

ArenaCheck::Fault ArenaCheck::fault_of_classes() {
  const ArenaHeader& head = arena_.header();
  std::vector<std::uint64_t> pages(kClassesMax);
  std::vector<std::uint64_t> free(kClassesMax);
  for (std::uint32_t page = arena_.first_page(); page < head.fresh_page; ++page) {
    const std::uint8_t number = arena_.class_of_page(page);
    if (number == kFreePage) continue;
    ++pages[number];
    if (page != head.evacuated_page) free[number] += page_free_[page];
  }
  for (std::uint8_t number = 1; number < arena_.classes().count(); ++number) {
    const ClassRecord& counts = head.classes[number];
    if (counts.pages != pages[number] || counts.free_slots != free[number])
      return "class " + std::to_string(number) + ": its counts are wrong";
    if (auto fault = fault_of_bins(number)) return fault;
  }
  return std::nullopt;
}

ArenaCheck::Fault ArenaCheck::fault_of_bins(std::uint8_t number) {
  const ArenaHeader& head = arena_.header();
  std::uint64_t binned_slots = 0;
  std::uint64_t met = 0;
  for (std::uint32_t bin = 0; bin < kBins; ++bin) {
    std::uint32_t previous = 0;
    for (std::uint32_t page = head.classes[number].bins[bin]; page != 0; page = arena_.page(page).next) {
      if (page < arena_.first_page() || page >= head.fresh_page || arena_.class_of_page(page) != number)
        return "class " + std::to_string(number) + ": a bin leads astray";
      const PageRecord& own = arena_.page(page);
      const std::uint32_t expected = page_free_[page] * kBins / (arena_.classes().slots(number) + 1);
      if (own.previous != previous || (own.first_free_and_bin & kLow) != bin || expected != bin ||
          page_free_[page] == 0 || ++met > head.classes[number].pages)
        return on_page(page, "is in the wrong bin");
      binned_slots += page_free_[page];
      previous = page;
    }
  }
  if (binned_slots != head.classes[number].free_slots)
    return "class " + std::to_string(number) + ": a page with free slots is in no bin";
  return std::nullopt;
}

ArenaCheck::Fault ArenaCheck::fault_of_unvisited() {
  for (std::uint32_t page = arena_.first_page(); page < arena_.header().fresh_page; ++page) {
    if (arena_.class_of_page(page) == kFreePage) continue;
    const std::uint32_t fresh = arena_.page(page).free_and_fresh & kLow;
    for (std::uint32_t slot = 0; slot < fresh; ++slot) {
      if (!is_visited(ref_of(page, slot)))
        return on_page(page, ("slot " + std::to_string(slot) + " belongs to nothing").c_str());
    }
  }
  return std::nullopt;
}

}  // namespace pannier::storage
