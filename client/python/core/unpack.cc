#include "client/python/core/unpack.h"

#include <bit>
#include <cstdint>
#include <string>

#include "client/python/core/pack.h"
#include "pannier/error.h"
#include "protocol/item_head.h"

namespace py = pybind11;

namespace pannier::python {

namespace {

using protocol::Bytes;
using protocol::ItemHead;
using protocol::Type;

[[noreturn]] void throw_malformed() { throw UnpackError("not exactly one MessagePack object"); }

/// An object that the interpreter has made, or its error.
py::object made(PyObject* object) {
  if (!object) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}

py::object integer(unsigned char first, Bytes body) {
  if (body.empty()) return made(PyLong_FromLong(static_cast<std::int8_t>(first)));
  const auto bits = protocol::big_endian(body);
  if (first < 0xd0) return made(PyLong_FromUnsignedLongLong(bits));
  const auto unused_bits = 64U - 8U * static_cast<unsigned>(body.size());
  return made(PyLong_FromLongLong(static_cast<std::int64_t>(bits << unused_bits) >> unused_bits));
}

py::object real(Bytes body) {
  const auto bits = protocol::big_endian(body);
  const bool is_single = body.size() == sizeof(float);
  return made(PyFloat_FromDouble(is_single ? std::bit_cast<float>(static_cast<std::uint32_t>(bits))
                                           : std::bit_cast<double>(bits)));
}

py::object text(Bytes body) {
  PyObject* const object = PyUnicode_DecodeUTF8(body.data(), static_cast<Py_ssize_t>(body.size()), nullptr);
  if (object || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) return made(object);
  PyErr_Clear();
  throw UnpackError("a str in the value is not UTF-8");
}

py::object binary(Bytes body) {
  return made(PyBytes_FromStringAndSize(body.data(), static_cast<Py_ssize_t>(body.size())));
}

[[noreturn]] void throw_no_key(py::handle key) {
  if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw py::error_already_set();
  PyErr_Clear();
  throw UnpackError(std::string("a map in the value has a ") + Py_TYPE(key.ptr())->tp_name + " as key");
}

class Unpacker {
 public:
  Unpacker(Bytes rest, py::handle from_ext) : rest_(rest), from_ext_(from_ext) {}

  /// The one object that is there.
  py::object whole() {
    auto object = next();
    if (!rest_.empty()) throw_malformed();
    return object;
  }

 private:
  py::object next() {
    if (rest_.empty()) throw_malformed();
    const char first = rest_.front();
    const auto form = protocol::form_of(first);
    if (!form.is_used || rest_.size() <= form.length_bytes) throw_malformed();
    const ItemHead head = protocol::head_of(form, rest_);
    rest_.remove_prefix(head.head_bytes);
    // Each item takes a byte at least.
    if (rest_.size() < head.body_bytes || rest_.size() < head.children) throw_malformed();
    const Bytes body = rest_.substr(0, head.body_bytes);
    rest_.remove_prefix(head.body_bytes);
    switch (head.type) {
      case Type::kNil:
        return py::none();
      case Type::kBool:
        return py::bool_(first == '\xc3');
      case Type::kInteger:
        return integer(static_cast<unsigned char>(first), body);
      case Type::kFloat:
        return real(body);
      case Type::kString:
        return text(body);
      case Type::kBinary:
        return binary(body);
      case Type::kArray:
        return nested([&] { return array(head.children); });
      case Type::kMap:
        return nested([&] { return map(head.children / 2); });
      case Type::kExt:
        return nested([&] { return ext(static_cast<std::int8_t>(body.front()), body.substr(1)); });
    }
    throw_malformed();
  }

  template <class Make>
  py::object nested(Make make) {
    if (Py_EnterRecursiveCall(" while a value is unpacked") != 0) throw py::error_already_set();
    struct Leave {
      ~Leave() { Py_LeaveRecursiveCall(); }
    } leave;
    return make();
  }

  py::object array(std::uint64_t count) {
    const auto size = static_cast<Py_ssize_t>(count);
    auto list = made(PyList_New(size));
    for (Py_ssize_t i = 0; i < size; ++i) PyList_SET_ITEM(list.ptr(), i, next().release().ptr());
    return list;
  }

  py::object map(std::uint64_t count) {
    auto dict = made(PyDict_New());
    for (; count > 0; --count) {
      const auto key = next();
      const auto value = next();
      if (PyDict_SetItem(dict.ptr(), key.ptr(), value.ptr()) != 0) throw_no_key(key);
    }
    return dict;
  }

  py::object ext(int code, Bytes payload) {
    if (code == kTupleCode) return made(PyList_AsTuple(items(payload).ptr()));
    if (code == kSetCode) return made(PySet_New(items(payload).ptr()));
    if (code == kFrozensetCode) return made(PyFrozenSet_New(items(payload).ptr()));
    return from_ext_(code, py::bytes(payload.data(), payload.size()));
  }

  /// The list that a payload is.
  py::object items(Bytes payload) {
    auto list = Unpacker(payload, from_ext_).whole();
    if (!PyList_CheckExact(list.ptr())) throw_malformed();
    return list;
  }

  Bytes rest_;
  py::handle from_ext_;
};

}  // namespace

py::object unpack(std::string_view packed, py::handle from_ext) { return Unpacker(packed, from_ext).whole(); }

}  // namespace pannier::python
