#include "client/python/core/client.h"

#include <string>
#include <utility>

#include "client/python/core/arguments.h"
#include "client/python/core/gil.h"
#include "client/python/core/objects.h"

namespace py = pybind11;

namespace pannier::python {

namespace {

SharedReads shared_reads_of(std::string_view name) {
  if (name == "auto") return SharedReads::kWhenItPays;
  if (name == "always") return SharedReads::kAtOnce;
  if (name == "never") return SharedReads::kNever;
  throw InvalidArgument("shared_reads is \"auto\", \"always\" or \"never\", not \"" + std::string(name) +
                        "\"");
}

std::unique_ptr<ClientHandle> make_client(std::string path, py::handle connect_timeout, py::handle timeout,
                                          py::handle slow_timeout, std::size_t pool_size, py::handle spin,
                                          py::handle shared_reads) {
  ClientOptions options{.path = std::move(path),
                        .spin = exact_duration_of(spin, "spin"),
                        .on_signal = &check_signals,
                        .shared_reads = shared_reads_of(bytes_of(shared_reads, "shared_reads")),
                        .pool_size = pool_size,
                        .client_name = "python"};
  if (const auto time = duration_of(connect_timeout, "connect_timeout")) options.connect_timeout = *time;
  if (const auto time = duration_of(timeout, "timeout")) options.request_timeout = *time;
  if (const auto time = duration_of(slow_timeout, "slow_timeout")) options.slow_request_timeout = *time;
  return std::make_unique<ClientHandle>(std::move(options));
}

void ping(const ClientHandle& handle) {
  const auto client = handle.get();
  without_gil([&] { client->ping(); });
}

py::bytes call(const ClientHandle& handle, py::handle method, py::handle params) {
  const auto client = handle.get();
  const auto name = bytes_of(method, "method");
  const auto packed = bytes_of(params, "params");
  return without_gil([&] { return client->call(name, packed); });
}

std::optional<Policy> policy_of(py::handle policy) {
  if (policy.is_none()) return std::nullopt;
  return policy_named(bytes_of(policy, "policy"));
}

bool open(const ClientHandle& handle, py::handle cache, py::handle tier, py::handle policy,
          py::handle max_entries, py::handle max_bytes, py::handle max_age, py::handle stale,
          py::handle reserved_bytes, bool alter) {
  const auto client = handle.get();
  const auto name = bytes_of(cache, "cache");
  const CacheSettings settings{.tier = tier_named(bytes_of(tier, "tier")),
                               .max_entries = count_of(max_entries, "max_entries"),
                               .max_bytes = count_of(max_bytes, "max_bytes"),
                               .max_age = duration_of(max_age, "max_age"),
                               .stale = duration_of(stale, "stale"),
                               .reserved_bytes = count_of(reserved_bytes, "reserved_bytes"),
                               .policy = policy_of(policy),
                               .alter = alter};
  return without_gil([&] { return client->open(name, settings); });
}

/// (entries, bytes, seconds) that were written. None for the cache: of all durable ones.
py::tuple sync(const ClientHandle& handle, py::handle cache) {
  const auto client = handle.get();
  const bool is_all = cache.is_none();
  const auto name = is_all ? std::string_view() : bytes_of(cache, "cache");
  const auto done = without_gil([&] { return is_all ? client->sync() : client->sync(name); });
  return py::make_tuple(done.entries, done.bytes, seconds_object(done.duration));
}

bool drop(const ClientHandle& handle, py::handle cache) {
  const auto client = handle.get();
  const auto name = bytes_of(cache, "cache");
  return without_gil([&] { return client->drop(name); });
}

std::uint64_t clear(const ClientHandle& handle, py::handle cache, py::handle prefix) {
  const auto client = handle.get();
  const auto name = bytes_of(cache, "cache");
  const auto prefix_bytes = bytes_of(prefix, "prefix");
  return without_gil([&] { return client->clear(name, prefix_bytes); });
}

}  // namespace

std::shared_ptr<Client> ClientHandle::get() const {
  if (!client_) throw InvalidArgument("the client is closed");
  return client_;
}

ClientClass define_client(py::module_& module) {
  return ClientClass(module, "Client")
      .def(py::init(&make_client), py::arg("path"), py::arg("connect_timeout"), py::arg("timeout"),
           py::arg("slow_timeout"), py::arg("pool_size"), py::arg("spin"), py::arg("shared_reads"))
      .def("close", &ClientHandle::close)
      .def("ping", &ping)
      .def("call", &call, py::arg("method"), py::arg("params"))
      .def("open", &open, py::arg("cache"), py::arg("tier"), py::arg("policy"), py::arg("max_entries"),
           py::arg("max_bytes"), py::arg("max_age"), py::arg("stale"), py::arg("reserved_bytes"),
           py::arg("alter"))
      .def("sync", &sync, py::arg("cache"))
      .def("drop", &drop, py::arg("cache"))
      .def("clear", &clear, py::arg("cache"), py::arg("prefix"));
}

}  // namespace pannier::python
