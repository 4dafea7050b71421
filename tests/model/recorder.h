// What a catalog tells of changes, and results as text: models compare both word by word.
#pragma once

#include <string>
#include <vector>

#include "storage/catalog.h"

namespace pannier::storage {

struct Told {
  std::string cache;
  std::string key;
  Change change;

  friend bool operator==(const Told&, const Told&) = default;
};

class Recorder final : public ChangeListener {
 public:
  void changed(const Cache& cache, std::string_view key, Change change) override {
    told_.push_back({cache.name(), std::string(key), change});
  }
  const std::vector<Told>& told() const { return told_; }
  void forget() { told_.clear(); }

 private:
  std::vector<Told> told_;
};

std::string text_of(const std::vector<Told>& told);
std::string text_of(const Lookup& lookup);
std::string text_of(const PutOutcome& outcome);
std::string text_of(const EraseOutcome& outcome);
std::string text_of(const TouchOutcome& outcome);
std::string text_of(const CacheStats& stats);

}  // namespace pannier::storage
