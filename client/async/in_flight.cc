#include "client/async/in_flight.h"

#include <algorithm>

namespace pannier::detail {

bool InFlight::has_room(std::size_t frame_bytes) const {
  if (entries_.empty()) return true;
  return entries_.size() < requests_max_ && bytes_ + frame_bytes <= bytes_max_;
}

void InFlight::add(Request request, Handler done, Deadline deadline) {
  const auto id = request.id;
  const auto frame_bytes = request.frame.size();
  bytes_ += frame_bytes;
  deadlines_.emplace(deadline, id);
  unsent_.push_back(id);
  entries_.emplace(id, Entry{std::move(request), std::move(done), deadline, next_order_++, frame_bytes});
}

bool InFlight::has_unsent() {
  while (!unsent_.empty() && !entries_.contains(unsent_.front())) unsent_.pop_front();
  return !unsent_.empty();
}

std::string_view InFlight::unsent() {
  if (!has_unsent()) return {};
  const auto first = std::string_view(entries_.at(unsent_.front()).request.frame).substr(offset_);
  if (first.size() >= kGatherBytes || unsent_.size() == 1) return first;
  gathered_ = first;
  for (std::size_t i = 1; i < unsent_.size() && gathered_.size() < kGatherBytes; ++i) {
    const auto entry = entries_.find(unsent_[i]);
    if (entry == entries_.end()) continue;
    gathered_.append(entry->second.request.frame, 0, kGatherBytes - gathered_.size());
  }
  return gathered_;
}

void InFlight::sent(std::size_t bytes) {
  while (bytes > 0 && has_unsent()) {
    Entry& entry = entries_.at(unsent_.front());
    entry.has_begun = entry.is_on_link = true;
    const std::size_t left = entry.request.frame.size() - offset_;
    if (bytes < left) {
      offset_ += bytes;
      return;
    }
    bytes -= left;
    offset_ = 0;
    unsent_.pop_front();
    if (!entry.request.is_repeatable) forget_frame(entry);
  }
}

std::optional<InFlight::Answered> InFlight::answered(std::uint64_t id) {
  const auto entry = entries_.find(id);
  if (entry == entries_.end() || !entry->second.is_on_link) return std::nullopt;
  Answered answered{std::move(entry->second.done), unsent_.empty() || unsent_.front() != id,
                    entry->second.frame_bytes};
  erase(entry);
  return answered;
}

bool InFlight::awaits_answer() const {
  return std::ranges::any_of(entries_, [](const auto& each) { return each.second.is_on_link; });
}

std::optional<Deadline> InFlight::next_deadline() const {
  return deadlines_.empty() ? std::nullopt : std::optional(deadlines_.begin()->first);
}

std::vector<InFlight::Due> InFlight::expired(Deadline now) {
  std::vector<Due> due;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto entry = entries_.find(deadlines_.begin()->second);
    due.push_back(take(entry->second));
    if (!entry->second.has_begun) erase(entry);
  }
  return due;
}

std::vector<InFlight::Due> InFlight::disconnected() {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> again;  // order and id
  std::vector<std::pair<std::uint64_t, Due>> ended;
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto here = at++;
    auto& [id, entry] = *here;
    const bool is_harmless = !entry.has_begun || entry.request.is_repeatable;
    if (entry.done && !entry.is_repeated && is_harmless) {
      entry.is_repeated = true;
      entry.is_on_link = false;
      again.emplace_back(entry.order, id);
    } else {
      if (entry.done) ended.emplace_back(entry.order, take(entry));
      erase(here);
    }
  }
  std::ranges::sort(again);
  std::ranges::sort(ended, {}, [](const auto& each) { return each.first; });
  offset_ = 0;
  unsent_.clear();
  for (const auto& [order, id] : again) unsent_.push_back(id);
  std::vector<Due> due;
  for (auto& [order, each] : ended) due.push_back(std::move(each));
  return due;
}

std::vector<InFlight::Due> InFlight::give_up() {
  for (auto& [id, entry] : entries_) entry.is_repeated = true;
  return disconnected();
}

// The handler leaves the entry, and its deadline counts no more.
InFlight::Due InFlight::take(Entry& entry) {
  deadlines_.erase({entry.deadline, entry.request.id});
  Due due{std::move(entry.done), entry.has_begun};
  entry.done = nullptr;
  return due;
}

void InFlight::forget_frame(Entry& entry) {
  bytes_ -= entry.request.frame.size();
  std::string().swap(entry.request.frame);
}

void InFlight::erase(Entries::iterator entry) {
  deadlines_.erase({entry->second.deadline, entry->first});
  forget_frame(entry->second);
  entries_.erase(entry);
}

}  // namespace pannier::detail
