#include "client/c/guard.h"

#include <cstdint>
#include <cstdlib>
#include <iterator>

namespace pannier::c {

namespace {

struct Row {
  ErrorCode code;
  pannier_status status;
};

constexpr Row kStatuses[] = {
    {ErrorCode::kBadRequest, PANNIER_BAD_REQUEST},
    {ErrorCode::kUnknownMethod, PANNIER_UNKNOWN_METHOD},
    {ErrorCode::kUnknownCache, PANNIER_UNKNOWN_CACHE},
    {ErrorCode::kTooLarge, PANNIER_TOO_LARGE},
    {ErrorCode::kConflict, PANNIER_CONFLICT},
    {ErrorCode::kNotANumber, PANNIER_NOT_A_NUMBER},
    {ErrorCode::kDenied, PANNIER_DENIED},
    {ErrorCode::kOverloaded, PANNIER_OVERLOADED},
    {ErrorCode::kOutOfMemory, PANNIER_OUT_OF_MEMORY},
    {ErrorCode::kStorage, PANNIER_STORAGE},
    {ErrorCode::kUnsupported, PANNIER_UNSUPPORTED},
    {ErrorCode::kShuttingDown, PANNIER_SHUTTING_DOWN},
    {ErrorCode::kOther, PANNIER_OTHER},
    {ErrorCode::kInvalidArgument, PANNIER_INVALID_ARGUMENT},
    {ErrorCode::kConnection, PANNIER_CONNECTION},
    {ErrorCode::kTimeout, PANNIER_TIMEOUT},
    {ErrorCode::kProtocol, PANNIER_PROTOCOL},
    {ErrorCode::kUnpack, PANNIER_WRONG_TYPE},
};

/// Where at most `size_max` bytes of UTF-8 can be cut: never within a character.
std::size_t cut_of(std::string_view text, std::size_t size_max) {
  if (text.size() <= size_max) return text.size();
  while (size_max > 0 && (static_cast<unsigned char>(text[size_max]) & 0xc0U) == 0x80U) --size_max;
  return size_max;
}

pannier_error error_with(pannier_status status, std::string_view text) {
  pannier_error error{};
  error.status = status;
  text.copy(error.text, cut_of(text, sizeof(error.text) - 1));
  return error;
}

pannier_error error_of(const Error& thrown) {
  auto error = error_with(status_of(thrown.code()), thrown.what());
  if (const auto* transport = dynamic_cast<const TransportError*>(&thrown)) {
    error.may_have_run = transport->may_have_run();
  }
  if (const auto* connection = dynamic_cast<const ConnectionError*>(&thrown)) {
    error.system_error = connection->system_error();
  }
  return error;
}

}  // namespace

pannier_status status_of(ErrorCode code) noexcept {
  for (const auto& row : kStatuses) {
    if (row.code == code) return row.status;
  }
  return PANNIER_OTHER;
}

void report(pannier_error* into, const pannier_error& error) noexcept {
  if (!into || into->size < sizeof(into->size)) return;
  const std::size_t size = into->size;
  std::memcpy(into, &error, std::min(size, sizeof(error)));
  into->size = size;
}

pannier_status report_current(pannier_error* into) noexcept {
  pannier_error error{};
  try {
    throw;
  } catch (const Error& thrown) {
    error = error_of(thrown);
  } catch (const std::bad_alloc&) {
    error = error_with(PANNIER_NO_MEMORY, "this process has no memory left");
  } catch (const std::exception& thrown) {
    error = error_with(PANNIER_INTERNAL, thrown.what());
  } catch (...) {
    error = error_with(PANNIER_INTERNAL, "something that is no exception was thrown");
  }
  report(into, error);
  return error.status;
}

bool has_content(const char* bytes, std::size_t size) {
  return std::any_of(bytes, bytes + size, [](char byte) { return byte != 0; });
}

void check_flags(std::uint64_t flags, std::uint64_t all) {
  if ((flags & ~all) != 0) throw InvalidArgument("a flag that this library does not know");
}

std::string_view name_of(const char* text, const char* what) {
  if (!text) throw InvalidArgument(std::string(what) + " is NULL");
  return text;
}

std::string_view bytes_of(const void* data, std::size_t size) {
  if (size == 0) return "";
  if (!data) throw InvalidArgument("a key, prefix or value is NULL, but has a size");
  if (size > PTRDIFF_MAX) throw InvalidArgument("a size that is larger than any memory");
  return {static_cast<const char*>(data), size};
}

void hand_out(pannier_buffer* into, std::string_view bytes) {
  if (!into) throw InvalidArgument("there is no buffer for the result");
  auto* data = static_cast<char*>(std::malloc(bytes.size() + 1));
  if (!data) throw std::bad_alloc();
  bytes.copy(data, bytes.size());
  data[bytes.size()] = '\0';
  *into = {data, bytes.size()};
}

}  // namespace pannier::c

extern "C" {

const char* pannier_status_name(pannier_status status) {
  if (status == PANNIER_OK) return "ok";
  if (status == PANNIER_NOTHING) return "nothing";
  if (status == PANNIER_WRONG_TYPE) return "wrong_type";
  if (status == PANNIER_NO_MEMORY) return "no_memory";
  if (status == PANNIER_INTERNAL) return "internal";
  for (const auto& row : pannier::c::kStatuses) {
    if (row.status == status) return pannier::error_code_name(row.code).data();
  }
  return "other";
}

const char* pannier_version(void) { return pannier::library_version().data(); }

void pannier_buffer_free(pannier_buffer* buffer) {
  if (!buffer) return;
  std::free(buffer->data);
  *buffer = {};
}
}
