#include <pybind11/stl.h>

#include <vector>

#include "client/python/core/arguments.h"
#include "client/python/core/client.h"
#include "client/python/core/codec.h"
#include "client/python/core/gil.h"
#include "client/python/core/objects.h"

namespace py = pybind11;

namespace pannier::python {

namespace {

/// The items of a tuple, which no other thread can change while the lock is not held.
std::vector<py::handle> items_of(py::handle tuple) {
  if (!PyTuple_Check(tuple.ptr())) throw py::type_error("a tuple is expected");
  std::vector<py::handle> items;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple.ptr()); ++i) {
    items.emplace_back(PyTuple_GET_ITEM(tuple.ptr(), i));
  }
  return items;
}

std::vector<std::string_view> keys_of(py::handle keys) {
  std::vector<std::string_view> views;
  for (const auto item : items_of(keys)) views.push_back(bytes_of(item, "a key"));
  return views;
}

/// The values that can be read with the interpreter's lock; the keys of the others go to `left`.
std::vector<std::optional<std::string>> read_beside_threads(Client& client, std::string_view cache,
                                                            const std::vector<std::string_view>& keys,
                                                            std::vector<std::string_view>& left) {
  auto values = client.read_shared_many(cache, keys, kBesideThreads);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!values[i]) left.push_back(keys[i]);
  }
  return values;
}

/// A dict of those keys that are there.
py::dict get_many(const ClientHandle& handle, py::handle cache, py::handle keys, py::handle codec) {
  const auto client = handle.get();
  const auto name = bytes_of(cache, "cache");
  const auto views = keys_of(keys);
  std::vector<std::string_view> left;
  auto found = read_beside_threads(*client, name, views, left);
  if (!left.empty() || views.empty()) {
    auto asked = without_gil([&] { return client->get_many_raw(name, left); });
    std::size_t next = 0;
    for (auto& value : found) {
      if (!value) value = std::move(asked[next++]);
    }
  }
  py::dict values;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const py::handle key = PyTuple_GET_ITEM(keys.ptr(), static_cast<Py_ssize_t>(i));
    if (found[i]) values[key] = decode(codec, *found[i]);
  }
  return values;
}

std::vector<Version> put_many(const ClientHandle& handle, py::handle cache, py::handle keys,
                              py::handle values, py::handle codec, py::handle ttl, bool sync) {
  const auto client = handle.get();
  const auto name = bytes_of(cache, "cache");
  const auto views = keys_of(keys);
  std::vector<std::string> packed;
  for (const auto value : items_of(values)) packed.push_back(encode(codec, value));
  if (packed.size() != views.size()) throw InvalidArgument("as many values as keys are expected");
  PackedEntries entries;
  for (std::size_t i = 0; i < views.size(); ++i) entries.emplace_back(views[i], packed[i]);
  const PutManyOptions options{.ttl = ttl_of(ttl), .sync = sync};
  return without_gil([&] { return client->put_many_raw(name, entries, options); });
}

std::uint64_t delete_many(const ClientHandle& handle, py::handle cache, py::handle keys) {
  const auto client = handle.get();
  const auto name = bytes_of(cache, "cache");
  const auto views = keys_of(keys);
  return without_gil([&] { return client->erase_many(name, views); });
}

/// (cursor of the next page or None, the keys of this one)
py::tuple keys(const ClientHandle& handle, py::handle cache, py::handle cursor, py::handle prefix) {
  const auto client = handle.get();
  const auto name = bytes_of(cache, "cache");
  KeysOptions options{.prefix = bytes_of(prefix, "prefix")};
  if (!cursor.is_none()) options.cursor = std::string(bytes_of(cursor, "cursor"));
  const auto page = without_gil([&] { return client->keys(name, options); });
  py::list found(page.keys.size());
  for (std::size_t i = 0; i < page.keys.size(); ++i) found[i] = key_object(page.keys[i]);
  py::object next = py::none();
  if (page.next) next = py::bytes(*page.next);
  return py::make_tuple(next, found);
}

}  // namespace

void define_many(ClientClass& client) {
  const py::arg cache("cache"), key_list("keys"), codec("codec");
  client.def("get_many", &get_many, cache, key_list, codec)
      .def("put_many", &put_many, cache, key_list, py::arg("values"), codec, py::arg("ttl"), py::arg("sync"))
      .def("delete_many", &delete_many, cache, key_list)
      .def("keys", &keys, cache, py::arg("cursor"), py::arg("prefix"));
}

}  // namespace pannier::python
