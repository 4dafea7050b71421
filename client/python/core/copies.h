// Copies: values of entries that this process has unpacked before, each beside what tells whether it is still
// the one in the cache. A repeated read of an entry that has not changed costs no request and no unpacking,
// and gives the very object that the last one gave.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "client/python/core/client.h"
#include "pannier/sighting.h"

namespace pannier::python {

/// The copies of one cache. All methods need the interpreter's lock.
class Copies {
 public:
  /// Of all values, packed, beyond which the oldest copies go; a longer value is not read.
  static constexpr std::size_t kBytesMax = std::size_t{16} << 20;
  /// Counted for each copy besides: what small objects and their places take.
  static constexpr std::size_t kBytesEach = 256;

  /// At most `entries_max` copies. `missing` stands for no value.
  Copies(std::size_t entries_max, pybind11::object missing)
      : entries_max_(entries_max), missing_(std::move(missing)) {}

  /// What read() has found for a call with these arguments, a tuple, if `owner` was its client and the entry
  /// is the same since; else `missing`. Makes no system call, and runs no code of Python.
  pybind11::object find(pybind11::handle args, pybind11::handle owner);
  /// The value, if the daemon's memory is mapped and has it; else `missing`. Of an unchanged entry it is the
  /// same object. `owner` is a pannier.Client. With `args`, the arguments that `key` was made of, find()
  /// finds it by them, where they are of types that compare as keys do.
  pybind11::object read(pybind11::handle owner, pybind11::handle cache, pybind11::handle key,
                        pybind11::handle args, pybind11::handle codec);
  void clear();

  /// For the collector of cycles.
  int visit_all(visitproc visit, void* context) const;

 private:
  struct Copy {
    pybind11::object key;
    pybind11::object value;
    std::string packed;
    Version version;
    Sighting sighting;
  };
  using List = std::list<Copy>;
  /// By a tuple of plain values, or by bytes: objects that are hashed and compared without code of Python.
  struct Hash {
    std::size_t operator()(PyObject* key) const { return static_cast<std::size_t>(PyObject_Hash(key)); }
  };
  struct Same {
    bool operator()(PyObject* one, PyObject* other) const {
      return PyObject_RichCompareBool(one, other, Py_EQ) == 1;
    }
  };

  void serve(pybind11::handle owner);
  pybind11::object keep(Copy copy);
  /// To `to`, whose end may run code of Python: it ends when nothing here is underway.
  void remove(List::iterator copy, List& to);

  const std::size_t entries_max_;
  pybind11::object missing_;
  pybind11::object owner_;
  std::weak_ptr<Client> client_;  ///< ends when its owner is closed
  List copies_;                   ///< in the order in which they were made
  std::unordered_map<PyObject*, List::iterator, Hash, Same> by_key_;
  std::size_t bytes_ = 0;
};

void define_copies(pybind11::module_& module);

}  // namespace pannier::python
