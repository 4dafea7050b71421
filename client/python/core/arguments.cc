#include "client/python/core/arguments.h"

#include <cmath>
#include <string>

#include "pannier/error.h"

namespace py = pybind11;

namespace pannier::python {

namespace {

[[noreturn]] void throw_type_error(const char* name, const char* expected, py::handle found) {
  throw py::type_error(std::string(name) + " is " + expected + ", not " + Py_TYPE(found.ptr())->tp_name);
}

/// A little less than 2^53 milliseconds, the longest that the daemon takes; much more would overflow.
constexpr double kSecondsMax = 9.0e12;

double seconds_of(py::handle argument, const char* name) {
  if (PyFloat_Check(argument.ptr()) || PyLong_Check(argument.ptr())) {
    const double seconds = PyFloat_AsDouble(argument.ptr());
    if (seconds != -1.0 || !PyErr_Occurred()) return seconds;
    PyErr_Clear();  // an int beyond all floats
    throw InvalidArgument(std::string(name) + " is too long");
  }
  if (!py::hasattr(argument, "total_seconds")) {
    throw_type_error(name, "a number of seconds or a timedelta", argument);
  }
  return argument.attr("total_seconds")().cast<double>();
}

}  // namespace

std::string_view bytes_of(py::handle argument, const char* name) {
  PyObject* const object = argument.ptr();
  if (PyUnicode_Check(object)) {
    Py_ssize_t size = 0;
    const char* const data = PyUnicode_AsUTF8AndSize(object, &size);
    if (!data) throw py::error_already_set();
    return {data, static_cast<std::size_t>(size)};
  }
  if (PyBytes_Check(object)) {
    return {PyBytes_AS_STRING(object), static_cast<std::size_t>(PyBytes_GET_SIZE(object))};
  }
  throw_type_error(name, "str or bytes", argument);
}

std::chrono::microseconds exact_duration_of(py::handle argument, const char* name) {
  const double seconds = seconds_of(argument, name);
  if (!(seconds >= 0)) throw InvalidArgument(std::string(name) + " is a time from 0 on");
  if (seconds > kSecondsMax) throw InvalidArgument(std::string(name) + " is too long");
  return std::chrono::microseconds(static_cast<std::int64_t>(std::round(seconds * 1e6)));
}

// By way of whole microseconds, as timedelta has them: 0.29 * 1000 is a little more than 290.
std::optional<std::chrono::milliseconds> duration_of(py::handle argument, const char* name) {
  if (argument.is_none()) return std::nullopt;
  return std::chrono::ceil<std::chrono::milliseconds>(exact_duration_of(argument, name));
}

Ttl ttl_of(py::handle argument) {
  if (PyFloat_Check(argument.ptr()) && PyFloat_AS_DOUBLE(argument.ptr()) == HUGE_VAL) return Ttl::none();
  const auto duration = duration_of(argument, "ttl");
  return duration ? Ttl(*duration) : Ttl();
}

std::optional<std::uint64_t> count_of(py::handle argument, const char* name) {
  if (argument.is_none()) return std::nullopt;
  if (!PyLong_Check(argument.ptr())) throw_type_error(name, "an int", argument);
  const auto count = PyLong_AsUnsignedLongLong(argument.ptr());
  if (PyErr_Occurred()) {
    PyErr_Clear();
    throw InvalidArgument(std::string(name) + " is an integer from 0 to 2^64 - 1");
  }
  return count;
}

std::int64_t integer_of(py::handle argument, const char* name) {
  if (!PyLong_Check(argument.ptr())) throw_type_error(name, "an int", argument);
  int overflow = 0;
  const auto integer = PyLong_AsLongLongAndOverflow(argument.ptr(), &overflow);
  if (overflow != 0) throw InvalidArgument(std::string(name) + " is an integer of 64 bits");
  return integer;
}

Condition condition_of(bool if_absent, bool if_present, py::handle if_version) {
  const auto version = count_of(if_version, "if_version");
  if (if_absent + if_present + version.has_value() > 1) {
    throw InvalidArgument("if_absent, if_present and if_version exclude each other");
  }
  if (if_absent) return IfAbsent{};
  if (if_present) return IfPresent{};
  if (version) return IfVersion{*version};
  return Always{};
}

}  // namespace pannier::python
