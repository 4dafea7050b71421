// What libpannier answers, as objects of Python.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pannier::python {

/// Seconds, or None.
inline pybind11::object seconds_object(const std::optional<std::chrono::milliseconds>& time) {
  if (!time) return pybind11::none();
  return pybind11::float_(static_cast<double>(time->count()) / 1e3);
}

/// str where it is UTF-8, else bytes: as the wire tells keys.
inline pybind11::object key_object(std::string_view key) {
  const auto size = static_cast<Py_ssize_t>(key.size());
  if (PyObject* text = PyUnicode_DecodeUTF8(key.data(), size, nullptr)) {
    return pybind11::reinterpret_steal<pybind11::object>(text);
  }
  PyErr_Clear();
  return pybind11::bytes(key.data(), key.size());
}

}  // namespace pannier::python
