#include <pybind11/stl.h>

#include "client/python/core/arguments.h"
#include "client/python/core/client.h"
#include "client/python/core/codec.h"
#include "client/python/core/gil.h"
#include "client/python/core/objects.h"

namespace py = pybind11;

namespace pannier::python {

namespace {

/// One entry of one cache, and who asks for it.
struct Place {
  Place(const ClientHandle& handle, py::handle cache_name, py::handle key_bytes)
      : client(handle.get()), cache(bytes_of(cache_name, "cache")), key(bytes_of(key_bytes, "key")) {}
  std::shared_ptr<Client> client;
  std::string_view cache;
  std::string_view key;
};

py::object get(const ClientHandle& handle, py::handle cache, py::handle key, py::handle codec,
               py::handle missing) {
  const Place at(handle, cache, key);
  if (const auto entry = at.client->read_shared(at.cache, at.key, nullptr, kBesideThreads))
    return decode(codec, entry->value);
  const auto packed = without_gil([&] { return at.client->get_raw(at.cache, at.key); });
  return packed ? decode(codec, *packed) : py::reinterpret_borrow<py::object>(missing);
}

/// (value, version, seconds left or None), or None
py::object get_entry(const ClientHandle& handle, py::handle cache, py::handle key, py::handle codec) {
  const Place at(handle, cache, key);
  auto entry = at.client->read_shared(at.cache, at.key, nullptr, kBesideThreads);
  if (!entry) entry = without_gil([&] { return at.client->get_entry_raw(at.cache, at.key); });
  if (!entry) return py::none();
  return py::make_tuple(decode(codec, entry->value), entry->version, seconds_object(entry->ttl));
}

std::optional<Version> put(const ClientHandle& handle, py::handle cache, py::handle key, py::handle value,
                           py::handle codec, py::handle ttl, bool keep_ttl, py::handle stale, bool if_absent,
                           bool if_present, py::handle if_version, bool sync) {
  const Place at(handle, cache, key);
  const auto packed = encode(codec, value);
  const PutOptions options{.ttl = ttl_of(ttl),
                           .keep_ttl = keep_ttl,
                           .stale = duration_of(stale, "stale"),
                           .condition = condition_of(if_absent, if_present, if_version),
                           .sync = sync};
  return without_gil([&] { return at.client->put_raw(at.cache, at.key, packed, options); });
}

bool erase(const ClientHandle& handle, py::handle cache, py::handle key, py::handle if_version, bool sync) {
  const Place at(handle, cache, key);
  const EraseOptions options{.if_version = count_of(if_version, "if_version"), .sync = sync};
  return without_gil([&] { return at.client->erase(at.cache, at.key, options); });
}

bool touch(const ClientHandle& handle, py::handle cache, py::handle key, py::handle ttl) {
  const Place at(handle, cache, key);
  const Ttl deadline = ttl_of(ttl);
  return without_gil([&] { return at.client->touch(at.cache, at.key, deadline); });
}

std::int64_t increment(const ClientHandle& handle, py::handle cache, py::handle key, py::handle delta,
                       py::handle initial, py::handle ttl) {
  const Place at(handle, cache, key);
  const auto added = integer_of(delta, "delta");
  const IncrementOptions options{.initial = integer_of(initial, "initial"), .ttl = ttl_of(ttl)};
  return without_gil([&] { return at.client->increment(at.cache, at.key, added, options); });
}

}  // namespace

void define_entries(ClientClass& client) {
  const py::arg cache("cache"), key("key"), codec("codec"), ttl("ttl"), if_version("if_version"),
      sync("sync");
  client.def("get", &get, cache, key, codec, py::arg("missing"))
      .def("get_entry", &get_entry, cache, key, codec)
      .def("put", &put, cache, key, py::arg("value"), codec, ttl, py::arg("keep_ttl"), py::arg("stale"),
           py::arg("if_absent"), py::arg("if_present"), if_version, sync)
      .def("delete", &erase, cache, key, if_version, sync)
      .def("touch", &touch, cache, key, ttl)
      .def("increment", &increment, cache, key, py::arg("delta"), py::arg("initial"), ttl);
}

}  // namespace pannier::python
