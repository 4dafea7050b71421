#include "pannier/lease.h"

#include <pybind11/stl.h>

#include "client/python/core/arguments.h"
#include "client/python/core/client.h"
#include "client/python/core/codec.h"
#include "client/python/core/gil.h"

namespace py = pybind11;

namespace pannier::python {

namespace {

/// A Lease that refuses a second thread, which could enter while the first one waits without the
/// interpreter's lock.
class LeaseHandle {
 public:
  explicit LeaseHandle(Lease lease) : lease_(std::move(lease)) {}

  Token token() const { return lease_.token(); }

  /// What `call(lease)` returns, without the interpreter's lock.
  template <class Call>
  auto use(Call call) {
    if (is_busy_) throw InvalidArgument("another thread is using this lease");
    const Busy until_done(is_busy_);
    return without_gil([&] { return call(lease_); });
  }

 private:
  struct Busy {
    explicit Busy(bool& busy) : busy_(busy) { busy_ = true; }
    ~Busy() { busy_ = false; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    bool& busy_;
  };

  Lease lease_;
  bool is_busy_ = false;
};

std::optional<Version> put_result(LeaseHandle& held, py::handle value, py::handle codec, py::handle ttl,
                                  py::handle stale) {
  const auto packed = encode(codec, value);
  const PutOptions options{.ttl = ttl_of(ttl), .stale = duration_of(stale, "stale")};
  return held.use([&](Lease& lease) { return lease.put_raw(packed, options); });
}

bool release(LeaseHandle& held) {
  return held.use([](Lease& lease) { return lease.release(); });
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
  if (found.lease) held = py::cast(std::make_unique<LeaseHandle>(*std::move(found.lease)));
  const bool is_found = found.value.has_value();
  return py::make_tuple(is_found ? decode(codec, *found.value) : py::none(), is_found, found.stale, held);
}

}  // namespace

void define_lease(py::module_& module, ClientClass& client) {
  py::class_<LeaseHandle>(module, "Lease")
      .def_property_readonly("token", &LeaseHandle::token)
      .def("put", &put_result, py::arg("value"), py::arg("codec"), py::arg("ttl"), py::arg("stale"))
      .def("release", &release);
  client.def("lease", &lease, py::arg("cache"), py::arg("key"), py::arg("codec"), py::arg("duration"),
             py::arg("wait"));
}

}  // namespace pannier::python
