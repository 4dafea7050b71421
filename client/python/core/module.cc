// pannier._core: the compiled part of the Python package. Its types are told in pannier/_core.pyi.
#include <pybind11/pybind11.h>

#include "client/python/core/client.h"
#include "client/python/core/codec.h"
#include "client/python/core/copies.h"
#include "client/python/core/errors.h"
#include "pannier/client.h"

PYBIND11_MODULE(_core, module) {
  module.attr("__version__") = pannier::library_version();
  pannier::python::translate_errors();
  pannier::python::define_message_pack(module);
  auto client = pannier::python::define_client(module);
  pannier::python::define_entries(client);
  pannier::python::define_many(client);
  pannier::python::define_lease(module, client);
  pannier::python::define_copies(module);
}
