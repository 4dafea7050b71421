// Values as they are stored, and back, by what the caller of a method chose.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <string_view>
#include <utility>

namespace pannier::python {

/// The codec `pannier._core.MessagePack`: MessagePack types as they are, ext types by two functions of
/// Python.
class MessagePack {
 public:
  MessagePack(pybind11::object to_ext, pybind11::object from_ext)
      : to_ext_(std::move(to_ext)), from_ext_(std::move(from_ext)) {}

  std::string pack(pybind11::handle value) const;
  pybind11::object unpack(std::string_view packed) const;

 private:
  pybind11::object to_ext_;
  pybind11::object from_ext_;
};

void define_message_pack(pybind11::module_& module);

/// `value` as one MessagePack object: by a MessagePack, by the method `pack` of another codec, or, if that is
/// None, the bytes that `value` is.
std::string encode(pybind11::handle codec, pybind11::handle value);
/// The way back, by the method `unpack`.
pybind11::object decode(pybind11::handle codec, std::string_view packed);

}  // namespace pannier::python
