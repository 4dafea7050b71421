#include "client/python/core/errors.h"

#include <pybind11/pybind11.h>

#include <exception>
#include <utility>

#include "client/python/core/gil.h"
#include "pannier/error.h"

namespace py = pybind11;

namespace pannier::python {

namespace {

/// Raises what `maker`, a class or function of pannier.errors, makes of `arguments`.
template <class... Arguments>
void raise(const char* maker, const Arguments&... arguments) {
  const py::object error = py::module_::import("pannier.errors").attr(maker)(arguments...);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
}

void translate(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (const Interrupted&) {
    // It is set already.
  } catch (const ServerError& error) {
    raise("server_error", error.what());
  } catch (const ConnectionError& error) {
    raise("ConnectionError", error.what(), error.may_have_run(), error.system_error());
  } catch (const TimeoutError& error) {
    raise("TimeoutError", error.what(), error.may_have_run());
  } catch (const TransportError& error) {
    raise("ProtocolError", error.what(), error.may_have_run());
  } catch (const UnpackError& error) {
    raise("UnpackError", error.what());
  } catch (const Error& error) {
    raise("InvalidArgument", error.what());
  }
}

}  // namespace

void translate_errors() { py::register_local_exception_translator(&translate); }

}  // namespace pannier::python
