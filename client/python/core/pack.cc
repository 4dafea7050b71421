#include "client/python/core/pack.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

#include "protocol/writer.h"

namespace py = pybind11;

namespace pannier::python {

namespace {

/// What is larger has no MessagePack form.
constexpr std::size_t kSizeMax = UINT32_MAX;

std::uint32_t checked_size(Py_ssize_t size) {
  if (static_cast<std::size_t>(size) > kSizeMax)
    throw py::value_error("a value has a part of 2^32 bytes or more");
  return static_cast<std::uint32_t>(size);
}

/// Guards against nesting without end: a list may hold itself.
class Nesting {
 public:
  Nesting() {
    if (Py_EnterRecursiveCall(" while a value is packed") != 0) throw py::error_already_set();
  }
  ~Nesting() { Py_LeaveRecursiveCall(); }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
};

class Packer {
 public:
  Packer(py::handle to_ext, std::string& out) : to_ext_(to_ext), out_(out), writer_(out) {}

  void value(PyObject* object) {
    PyTypeObject* const type = Py_TYPE(object);
    if (type == &PyUnicode_Type) return text(object);
    if (type == &PyLong_Type) return integer(object);
    if (object == Py_None) return writer_.nil();
    if (type == &PyBool_Type) return writer_.boolean(object == Py_True);
    if (type == &PyFloat_Type) return writer_.real(PyFloat_AS_DOUBLE(object));
    if (type == &PyBytes_Type) return binary(object);
    const Nesting nesting;
    if (type == &PyList_Type || type == &PyTuple_Type) return sequence(object, type == &PyTuple_Type);
    if (type == &PyDict_Type) return map(object);
    if (type == &PySet_Type) return set(object, kSetCode);
    if (type == &PyFrozenSet_Type) return set(object, kFrozensetCode);
    other(object);
  }

 private:
  void text(PyObject* object) {
    Py_ssize_t size = 0;
    const char* const data = PyUnicode_AsUTF8AndSize(object, &size);
    if (data) return writer_.string({data, checked_size(size)});
    PyErr_Clear();  // lone surrogates
    other(object);
  }

  void binary(PyObject* object) {
    writer_.binary({PyBytes_AS_STRING(object), checked_size(PyBytes_GET_SIZE(object))});
  }

  void integer(PyObject* object) {
    int overflow = 0;
    const auto small = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow == 0) return writer_.integer(small);
    if (overflow > 0) {
      const auto large = PyLong_AsUnsignedLongLong(object);
      if (!PyErr_Occurred()) return writer_.unsigned_integer(large);
      PyErr_Clear();
    }
    other(object);
  }

  void sequence(PyObject* object, bool is_tuple) {
    if (!is_tuple) return items(object);
    std::string packed;
    Packer(to_ext_, packed).items(object);
    ext(kTupleCode, packed);
  }

  /// Of a list or tuple, which to_ext may change while they are packed.
  void items(PyObject* object) {
    const Py_ssize_t size = PySequence_Fast_GET_SIZE(object);
    writer_.array(checked_size(size));
    for (Py_ssize_t i = 0; i < size; ++i) {
      if (PySequence_Fast_GET_SIZE(object) != size) throw_changed();
      value(py::reinterpret_borrow<py::object>(PySequence_Fast_GET_ITEM(object, i)).ptr());
    }
  }

  void map(PyObject* object) {
    const Py_ssize_t size = PyDict_GET_SIZE(object);
    writer_.map(checked_size(size));
    Py_ssize_t position = 0;
    PyObject* key = nullptr;
    PyObject* item = nullptr;
    Py_ssize_t count = 0;
    while (PyDict_Next(object, &position, &key, &item)) {
      const auto held_key = py::reinterpret_borrow<py::object>(key);
      const auto held_item = py::reinterpret_borrow<py::object>(item);
      value(held_key.ptr());
      value(held_item.ptr());
      ++count;
      if (PyDict_GET_SIZE(object) != size) throw_changed();
    }
    if (count != size) throw_changed();
  }

  /// In the order of the items' bytes, so that equal sets are equal bytes.
  void set(PyObject* object, int code) {
    std::vector<std::string> packed;
    for (const auto item : py::reinterpret_borrow<py::object>(object)) {
      Packer(to_ext_, packed.emplace_back()).value(item.ptr());
    }
    std::sort(packed.begin(), packed.end());
    std::string array;
    protocol::Writer writer(array);
    writer.array(checked_size(static_cast<Py_ssize_t>(packed.size())));
    for (const auto& item : packed) writer.raw(item);
    ext(code, array);
  }

  void other(PyObject* object) {
    const py::tuple made = to_ext_(py::handle(object));
    const auto code = made[0].cast<int>();
    const py::bytes payload = made[1];
    ext(code, payload);
  }

  void ext(int code, std::string_view payload) {
    const auto size = checked_size(static_cast<Py_ssize_t>(payload.size()));
    switch (size) {
      case 1:
      case 2:
      case 4:
      case 8:
      case 16:
        out_.push_back(static_cast<char>(0xd4 + std::countr_zero(size)));
        break;
      default:
        ext_size(size);
    }
    out_.push_back(static_cast<char>(code));
    out_.append(payload);
  }

  void ext_size(std::uint32_t size) {
    const int bytes = size <= UINT8_MAX ? 1 : size <= UINT16_MAX ? 2 : 4;
    out_.push_back(static_cast<char>(bytes == 1 ? 0xc7 : bytes == 2 ? 0xc8 : 0xc9));
    for (int i = bytes - 1; i >= 0; --i) out_.push_back(static_cast<char>(size >> (8 * i)));
  }

  [[noreturn]] static void throw_changed() {
    PyErr_SetString(PyExc_RuntimeError, "a container changed while it was packed");
    throw py::error_already_set();
  }

  py::handle to_ext_;
  std::string& out_;
  protocol::Writer writer_;
};

}  // namespace

void pack(py::handle value, py::handle to_ext, std::string& out) { Packer(to_ext, out).value(value.ptr()); }

}  // namespace pannier::python
