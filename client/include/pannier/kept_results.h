// KeptResults: results that this process has unpacked before, each beside what tells whether its entry is
// still the same. As long as it is, a call costs no request and no unpacking; see Client::is_current.
#pragma once

#include <cstddef>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "pannier/client.h"

namespace pannier::detail {

/// Thread-safe.
template <class Result>
class KeptResults {
 public:
  /// `bytes_max`: of all of them, packed, beyond which those go that were not used for the longest.
  explicit KeptResults(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// Null if there is none, or its entry is not the same any more.
  std::shared_ptr<const Result> find(Client& client, const std::string& key) {
    std::shared_ptr<const Result> result;
    Sighting sighting;
    {
      const std::lock_guard lock(mutex_);
      const auto found = by_key_.find(key);
      if (found == by_key_.end()) return nullptr;
      in_order_.splice(in_order_.begin(), in_order_, found->second);
      result = found->second->result;
      sighting = found->second->sighting;
    }
    return client.is_current(sighting) ? result : nullptr;
  }

  void keep(const std::string& key, std::shared_ptr<const Result> result, std::size_t packed_bytes,
            const Sighting& sighting) {
    const std::lock_guard lock(mutex_);
    if (const auto old = by_key_.find(key); old != by_key_.end()) erase(old->second);
    in_order_.push_front({key, std::move(result), sighting, key.size() + packed_bytes + kBytesEach});
    by_key_.emplace(key, in_order_.begin());
    bytes_ += in_order_.front().bytes;
    while (bytes_ > bytes_max_) erase(std::prev(in_order_.end()));
  }

 private:
  /// Counted for each besides: what small objects and their places take.
  static constexpr std::size_t kBytesEach = 256;

  struct Kept {
    std::string key;
    std::shared_ptr<const Result> result;
    Sighting sighting;
    std::size_t bytes = 0;
  };
  using List = std::list<Kept>;  // the one used last comes first

  void erase(typename List::iterator kept) {
    bytes_ -= kept->bytes;
    by_key_.erase(kept->key);
    in_order_.erase(kept);
  }

  const std::size_t bytes_max_;
  std::mutex mutex_;
  List in_order_;
  std::unordered_map<std::string, typename List::iterator> by_key_;
  std::size_t bytes_ = 0;
};

}  // namespace pannier::detail
