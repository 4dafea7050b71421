// What each function of the C interface has in common: no exception leaves it, no cancellation of its thread
// begins in it, options of any age are read, and results are handed out as memory of malloc.
#pragma once

#include <pthread.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include "pannier/client.h"
#include "pannier/pannier.h"

namespace pannier::c {

pannier_status status_of(ErrorCode code) noexcept;

/// Writes what fits into the struct of the caller, whose size says which members it knows; NULL is left
/// alone.
void report(pannier_error* into, const pannier_error& error) noexcept;
/// The same of the exception that is being handled; its status.
pannier_status report_current(pannier_error* into) noexcept;

/// While it lives, pthread_cancel() waits: it would unwind this thread through functions that let nothing
/// out.
class Uncanceled {
 public:
  Uncanceled() { ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  Uncanceled(const Uncanceled&) = delete;
  Uncanceled& operator=(const Uncanceled&) = delete;
  ~Uncanceled() { ::pthread_setcancelstate(before_, nullptr); }

 private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

/// What `act` returns, a status; that of the exception if it throws.
template <class Act>
pannier_status guarded(pannier_error* error, Act act) noexcept {
  const Uncanceled uncanceled;
  try {
    return act();
  } catch (...) {
    return report_current(error);
  }
}

/// More than the options of any library to come; a size that was not set is likely to be.
inline constexpr std::size_t kOptionsSizeMax = 4096;

/// Whether one of these bytes is not 0.
bool has_content(const char* bytes, std::size_t size);

/// Options as this library knows them: members that the caller does not know are 0. InvalidArgument: the
/// caller has set one that this library does not know.
template <class Options>
Options known(const Options* given) {
  Options options{};
  if (!given) return options;
  if (given->size < sizeof(given->size) || given->size > kOptionsSizeMax)
    throw InvalidArgument("options begin with their size, which is not set");
  std::memcpy(&options, given, std::min(given->size, sizeof(Options)));
  if (given->size > sizeof(Options) &&
      has_content(reinterpret_cast<const char*>(given + 1), given->size - sizeof(Options))) {
    throw InvalidArgument("an option that this library does not know");
  }
  return options;
}

/// InvalidArgument: there are flags that this library does not know.
void check_flags(std::uint64_t flags, std::uint64_t all);
/// InvalidArgument: it is NULL.
std::string_view name_of(const char* text, const char* what);
/// InvalidArgument: they are NULL and not none, or more than there can be.
std::string_view bytes_of(const void* data, std::size_t size);

/// A copy. InvalidArgument: `into` is NULL. std::bad_alloc.
void hand_out(pannier_buffer* into, std::string_view bytes);
template <class T>
void hand_out(T* into, const T& value) {
  if (into) *into = value;
}

/// PANNIER_OK where there is a value, which is handed out.
template <class Into, class T>
pannier_status hand_out_if(Into* into, const std::optional<T>& value) {
  if (!value) return PANNIER_NOTHING;
  hand_out(into, *value);
  return PANNIER_OK;
}

inline pannier_status ok_if(bool holds) { return holds ? PANNIER_OK : PANNIER_NOTHING; }

}  // namespace pannier::c
