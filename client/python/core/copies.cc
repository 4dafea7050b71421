#include "client/python/core/copies.h"

#include <iterator>
#include <utility>

#include "client/python/core/arguments.h"
#include "client/python/core/codec.h"

namespace py = pybind11;

namespace pannier::python {

namespace {

/// Tuples in tuples that are looked into.
constexpr int kDepthMax = 8;

/// Whether two such objects are equal exactly where they stand for the same argument (pannier/arguments.py),
/// for as long as they live. bytes are none: beside str, Python can be told to warn.
bool is_plain(PyObject* object, int depth = 0) {
  if (PyUnicode_CheckExact(object) || PyLong_CheckExact(object) || PyFloat_CheckExact(object) ||
      object == Py_None || PyBool_Check(object))
    return true;
  if (!PyTuple_CheckExact(object) || depth == kDepthMax) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object); ++i) {
    if (!is_plain(PyTuple_GET_ITEM(object, i), depth + 1)) return false;
  }
  return true;
}

std::shared_ptr<Client> client_of(py::handle owner) {
  return py::object(owner.attr("_core")).cast<const ClientHandle&>().get();
}

}  // namespace

py::object Copies::find(py::handle args, py::handle owner) {
  if (!owner.is(owner_) || !is_plain(args.ptr())) return missing_;
  const auto found = by_key_.find(args.ptr());
  if (found == by_key_.end()) return missing_;
  const Copy& copy = *found->second;
  const auto client = client_.lock();
  return client && client->is_current(copy.sighting) ? copy.value : missing_;
}

py::object Copies::read(py::handle owner, py::handle cache, py::handle key, py::handle args,
                        py::handle codec) {
  const auto client = client_of(owner);
  const auto name = bytes_of(cache, "cache");
  const auto key_bytes = bytes_of(key, "key");
  Sighting sighting;
  // With the interpreter's lock, since unpacking, which needs it, takes longer.
  auto entry = client->read_shared(name, key_bytes, &sighting, {.bytes_max = kBytesMax, .may_attach = false});
  if (!entry) return missing_;
  serve(owner);
  const bool is_by_args = PyTuple_CheckExact(args.ptr()) && is_plain(args.ptr());
  auto known_by = py::reinterpret_borrow<py::object>(is_by_args ? args : key);
  const auto known = by_key_.find(known_by.ptr());
  if (known != by_key_.end()) {
    Copy& copy = *known->second;
    if (copy.version == entry->version && copy.packed == entry->value) {
      copy.sighting = sighting;
      return copy.value;
    }
  }
  auto value = decode(codec, entry->value);
  return keep({std::move(known_by), std::move(value), std::move(entry->value), entry->version, sighting});
}

/// Copies are of one client's reads.
void Copies::serve(py::handle owner) {
  if (owner.is(owner_)) return;
  clear();
  client_ = client_of(owner);
  owner_ = py::reinterpret_borrow<py::object>(owner);
}

py::object Copies::keep(Copy copy) {
  List gone;
  py::object value = copy.value;
  // Unpacking may have run anything, so it is looked up once more.
  const auto known = by_key_.find(copy.key.ptr());
  if (known != by_key_.end()) remove(known->second, gone);
  bytes_ += copy.packed.size() + kBytesEach;
  copies_.push_back(std::move(copy));
  by_key_.emplace(copies_.back().key.ptr(), std::prev(copies_.end()));
  while (copies_.size() > entries_max_ || bytes_ > kBytesMax) remove(copies_.begin(), gone);
  return value;
}

void Copies::remove(List::iterator copy, List& to) {
  by_key_.erase(copy->key.ptr());
  bytes_ -= copy->packed.size() + kBytesEach;
  to.splice(to.end(), copies_, copy);
}

void Copies::clear() {
  List gone;
  by_key_.clear();
  bytes_ = 0;
  gone.swap(copies_);
  client_.reset();
  const py::object owner = std::exchange(owner_, {});
}

int Copies::visit_all(visitproc visit, void* context) const {
  for (const Copy& copy : copies_) {
    if (const int result = visit(copy.key.ptr(), context)) return result;
    if (const int result = visit(copy.value.ptr(), context)) return result;
  }
  return owner_ ? visit(owner_.ptr(), context) : 0;
}

namespace {

/// Null while it is being made.
Copies* copies_in(PyObject* self) {
  const auto place = reinterpret_cast<py::detail::instance*>(self)->get_value_and_holder();
  return place.holder_constructed() ? place.value_ptr<Copies>() : nullptr;
}

/// So that a value which leads back to its function does not keep both for ever.
void collect_cycles(PyHeapTypeObject* heap_type) {
  PyTypeObject& type = heap_type->ht_type;
  type.tp_flags |= Py_TPFLAGS_HAVE_GC;
  type.tp_traverse = [](PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(self));
    const Copies* const copies = copies_in(self);
    return copies != nullptr ? copies->visit_all(visit, arg) : 0;
  };
  type.tp_clear = [](PyObject* self) {
    if (Copies* const copies = copies_in(self)) copies->clear();
    return 0;
  };
}

}  // namespace

void define_copies(py::module_& module) {
  py::class_<Copies>(module, "Copies", py::custom_type_setup(&collect_cycles))
      .def(py::init<std::size_t, py::object>(), py::arg("entries_max"), py::arg("missing"))
      .def("find", &Copies::find, py::arg("args"), py::arg("owner"))
      .def("read", &Copies::read, py::arg("owner"), py::arg("cache"), py::arg("key"), py::arg("args"),
           py::arg("codec"))
      .def("clear", &Copies::clear);
}

}  // namespace pannier::python
