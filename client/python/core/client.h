// The classes of the module: Client, which is libpannier's Client over raw bytes, and Lease.
//
// Arguments of functions that wait are pybind11::handles or plain C++ values, never owning references: see
// without_gil.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "pannier/client.h"

namespace pannier::python {

/// A Client that can be closed while other threads are inside it: they finish with it.
class ClientHandle {
 public:
  explicit ClientHandle(ClientOptions options) : client_(std::make_shared<Client>(std::move(options))) {}

  /// InvalidArgument: it is closed. To be called with the interpreter's lock, as close() is.
  std::shared_ptr<Client> get() const;
  void close() { client_.reset(); }

 private:
  std::shared_ptr<Client> client_;
};

/// For reads of the daemon's memory with the interpreter's lock: they take less time than to give it away,
/// and wait for nothing. Longer values are copied without it.
inline constexpr SharedReadOptions kBesideThreads{.bytes_max = std::uint64_t{64} << 10, .may_attach = false};

using ClientClass = pybind11::class_<ClientHandle>;

/// Methods of the daemon and of caches as a whole.
ClientClass define_client(pybind11::module_& module);
/// Methods of one entry.
void define_entries(ClientClass& client);
/// Methods of many entries.
void define_many(ClientClass& client);
/// The class Lease, and the method that grants one.
void define_lease(pybind11::module_& module, ClientClass& client);

}  // namespace pannier::python
