#include "daemon/space_saving.h"

#include <utility>

namespace pannier::daemon {

void SpaceSaving::note(std::string_view key) {
  if (++noted_ > kNotedMax) halve();
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    ++places_[found->second].count;
    return;
  }
  places_.reserve(kPlaces);
  if (places_.size() < kPlaces) {
    places_.push_back({std::string(key), 1, 0});
    by_key_.emplace(places_.back().key, places_.size() - 1);
    return;
  }
  const std::size_t index = replaceable();
  Place& place = places_[index];
  auto node = by_key_.extract(place.key);
  place.key = key;
  place.error = place.count++;
  node.key() = place.key;
  by_key_.insert(std::move(node));
}

void SpaceSaving::halve() {
  noted_ /= 2;
  for (Place& place : places_) {
    place.count /= 2;
    place.error /= 2;
  }
}

std::size_t SpaceSaving::replaceable() const {
  // There is one: no more than noted_ is in all of them together.
  const std::uint64_t average = noted_ / places_.size();
  std::size_t index = noted_ * 0x9e3779b1 % places_.size();
  while (places_[index].count > average) index = (index + 1) % places_.size();
  return index;
}

}  // namespace pannier::daemon
