#include "client/python/core/codec.h"

#include "client/python/core/arguments.h"
#include "client/python/core/pack.h"
#include "client/python/core/unpack.h"

namespace py = pybind11;

namespace pannier::python {

std::string MessagePack::pack(py::handle value) const {
  std::string packed;
  python::pack(value, to_ext_, packed);
  return packed;
}

py::object MessagePack::unpack(std::string_view packed) const { return python::unpack(packed, from_ext_); }

void define_message_pack(py::module_& module) {
  py::class_<MessagePack>(module, "MessagePack")
      .def(py::init<py::object, py::object>(), py::arg("to_ext"), py::arg("from_ext"))
      .def(
          "pack", [](const MessagePack& codec, py::handle value) { return py::bytes(codec.pack(value)); },
          py::arg("value"))
      .def(
          "unpack",
          [](const MessagePack& codec, py::handle packed) {
            return codec.unpack(bytes_of(packed, "packed"));
          },
          py::arg("packed"));
}

std::string encode(py::handle codec, py::handle value) {
  if (py::isinstance<MessagePack>(codec)) return codec.cast<const MessagePack&>().pack(value);
  if (codec.is_none()) return std::string(bytes_of(value, "packed"));
  const py::object packed = codec.attr("pack")(value);
  return std::string(bytes_of(packed, "packed"));
}

py::object decode(py::handle codec, std::string_view packed) {
  if (py::isinstance<MessagePack>(codec)) return codec.cast<const MessagePack&>().unpack(packed);
  const py::bytes bytes(packed.data(), packed.size());
  return codec.is_none() ? py::object(bytes) : codec.attr("unpack")(bytes);
}

}  // namespace pannier::python
