#include "pannier/lease.h"

#include <pybind11/stl.h>

#include "client/python/core/arguments.h"
#include "client/python/core/client.h"
#include "client/python/core/codec.h"
#include "client/python/core/gil.h"

namespace py = pybind11;

namespace pannier::python {

namespace {

std::optional<Version> put(Lease& held, py::handle value, py::handle codec, py::handle ttl,
                           py::handle stale) {
  const auto packed = encode(codec, value);
  const PutOptions options{.ttl = ttl_of(ttl), .stale = duration_of(stale, "stale")};
  return without_gil([&] { return held.put_raw(packed, options); });
}

bool release(Lease& held) {
  return without_gil([&] { return held.release(); });
}

/// (value or None, whether there is one, whether it is stale, Lease or None)
py::tuple lease(const ClientHandle& handle, py::handle cache, py::handle key, py::handle codec,
                py::handle duration, py::handle wait) {
  const auto client = handle.get();
  const auto name = bytes_of(cache, "cache");
  const auto key_bytes = bytes_of(key, "key");
  const LeaseOptions options{.duration = duration_of(duration, "duration"),
                             .wait = duration_of(wait, "wait")};
  auto found = without_gil([&] { return client->lease_raw(name, key_bytes, options); });
  py::object held = py::none();
  if (found.lease) held = py::cast(std::make_unique<Lease>(*std::move(found.lease)));
  const bool is_found = found.value.has_value();
  return py::make_tuple(is_found ? decode(codec, *found.value) : py::none(), is_found, found.stale, held);
}

}  // namespace

void define_lease(py::module_& module, ClientClass& client) {
  py::class_<Lease>(module, "Lease")
      .def_property_readonly("token", &Lease::token)
      .def("put", &put, py::arg("value"), py::arg("codec"), py::arg("ttl"), py::arg("stale"))
      .def("release", &release);
  client.def("lease", &lease, py::arg("cache"), py::arg("key"), py::arg("codec"), py::arg("duration"),
             py::arg("wait"));
}

}  // namespace pannier::python
