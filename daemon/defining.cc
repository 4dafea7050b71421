#include "daemon/defining.h"

#include <string>
#include <utility>

#include "daemon/handlers/common.h"

namespace pannier::daemon {

using storage::StoreError;

bool is_defined_on_disk(const Service& service, const storage::Cache& cache) {
  return !service.definitions_pending.contains(cache.id()) &&
         !service.definitions_unwritten.contains(cache.id());
}

void define_cache(Service& service, const storage::Cache& cache, bool created,
                  std::function<void(const std::optional<StoreError>&)> done) {
  ++service.definitions_pending[cache.id()];
  service.disk.define(cache.id(), cache.name(), cache.settings(),
                      [&service, created, id = cache.id(), name = std::string(cache.name()),
                       done = std::move(done)](const std::optional<StoreError>& error) {
                        if (--service.definitions_pending[id] == 0) service.definitions_pending.erase(id);
                        if (!error) service.definitions_unwritten.erase(id);
                        if (error && service.catalog.find(id) != nullptr) {
                          service.definitions_unwritten.insert(id);
                          if (created) {
                            service.catalog.drop(name);
                            forget_cache(service, id, name, service.clock.now());
                          }
                        }
                        done(error);
                      });
}

}  // namespace pannier::daemon
