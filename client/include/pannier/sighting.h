// Sighting: that a client has seen an entry, to ask later whether it is still the same, without reading it
// again.
#pragma once

#include <cstdint>

namespace pannier {

namespace detail {
class SharedView;
}

/// Made by Client::read_shared, judged by Client::is_current. A default-constructed one is of nothing, and
/// never current. A plain value: whoever keeps what was decoded from an entry keeps it beside that.
class Sighting {
  friend class detail::SharedView;

  std::uint64_t attachment_ = 0;  ///< to the daemon's memory, by a number of this process
  std::uint64_t bucket_ = 0;
  std::uint64_t version_ = 0;
  std::int64_t deadline_ = 0;
  std::uint64_t place_ = 0;
  std::uint32_t ref_ = 0;
  std::uint32_t catalog_flux_ = 1;
  std::uint32_t bucket_flux_ = 1;
  std::uint32_t wide_flux_ = 1;
  std::uint32_t ordinal_ = 0;
  std::uint32_t record_ = 0;
};

}  // namespace pannier
