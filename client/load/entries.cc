#include "client/load/entries.h"

#include <algorithm>

namespace pannier::load {

Entries::Entries(std::uint32_t count, std::size_t value_bytes) : count_(count), filler_(value_bytes, ' ') {
  for (std::size_t i = 0; i < value_bytes; ++i) filler_[i] = static_cast<char>('0' + (mixed(i) & 63));
}

void Entries::append_value(std::string& out, std::uint32_t number) const {
  const Key key = key_of(number);
  const std::size_t own = std::min(key.size(), filler_.size());
  out.append(key.data(), own);
  out.append(filler_, own);
}

}  // namespace pannier::load
