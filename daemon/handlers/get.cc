#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/large_get.h"
#include "daemon/params.h"

namespace pannier::daemon {

Outcome handle_get(Service& service, const Call& call) {
  Params params("get", call.params, service.limits);
  const auto name = params.cache_name();
  const auto key = params.key();
  params.options({"meta"});
  const bool has_meta = params.flag("meta");
  if (auto fault = params.fault()) return *fault;

  return with_key(service, name, key, [&](storage::Cache& cache) -> Outcome {
    const auto found = cache.get(key, call.now);
    if (std::holds_alternative<storage::Cold>(found)) return NeedsKey{{cache.id(), std::string(key)}};
    const auto* hit = std::get_if<storage::Hit>(&found);
    if (hit != nullptr) service.sight.hot_keys.hit(cache.id(), key);
    if (hit != nullptr && !has_meta && hit->entry.value.size() > Replies::kCopiedBytesMax) {
      answer_large(service, call.from, cache, key, hit->entry);
      return Answered();
    }
    service.replies.result(call.from, [&](protocol::Writer& writer) {
      if (hit == nullptr) return writer.nil();
      write_entry(writer, hit->entry, has_meta, call.now);
    });
    return Answered();
  });
}

}  // namespace pannier::daemon
