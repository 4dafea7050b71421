// A listener for catalogs in whose changes nobody is interested.
#pragma once

#include <string_view>

#include "storage/catalog.h"

namespace pannier::daemon {

class SilentListener final : public storage::ChangeListener {
 public:
  void changed(const storage::Cache&, std::string_view, storage::Change) override {}
};

}  // namespace pannier::daemon
