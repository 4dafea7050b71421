#include "client/telling.h"

namespace pannier::detail {

void Telling::count_anew(const Attachment& attachment, std::uint32_t ordinal) {
  // What was used when, another daemon counts otherwise: a look is due.
  if (tally_.attachment != attachment.number) reads_ = 0;
  // One for each of its caches that share a tally would use them up.
  if (tally_.attachment != attachment.number || tally_.process != process_id())
    tally_ = {attachment.number, process_id(), ordinal, (*attachment.ring).take_counter(ordinal)};
  if (tally_.is_of(attachment.number, ordinal)) {
    tally_.counter->note_hit();
  } else {
    (*attachment.ring).note_hit(ordinal);
  }
}

}  // namespace pannier::detail
