#include "daemon/subject.h"

#include "daemon/params.h"
#include "protocol/cursor.h"
#include "protocol/error.h"

namespace pannier::daemon {

using protocol::Bytes;
using protocol::Cursor;

Subject subject_of(Bytes params) {
  Subject subject;
  Cursor cursor(params);
  if (cursor.read_array().value_or(0) == 0) return subject;
  const auto cache = cursor.read_string();
  if (!cache || !is_cache_name(*cache)) return subject;
  subject.cache = *cache;
  if (const auto key = cursor.read_string()) {
    subject.key = *key;
  } else {
    subject.keys = cursor.read_array();
  }
  return subject;
}

std::string text_of(const Subject& subject) {
  if (subject.cache.empty()) return {};
  std::string text = " of " + protocol::quoted(subject.cache);
  if (!subject.key.empty()) text += ", key " + protocol::quoted(subject.key);
  if (subject.keys) text += ", " + std::to_string(*subject.keys) + " keys";
  return text;
}

}  // namespace pannier::daemon
