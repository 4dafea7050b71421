#include "daemon/hot_requests.h"

#include <array>
#include <variant>

#include "daemon/handlers/common.h"
#include "daemon/large_get.h"

namespace pannier::daemon {

using protocol::Bytes;
using protocol::HotRequest;
using storage::TimeMs;

TakenFrames HotRequests::run(ConnectionId from, Bytes input, std::uint32_t frames_max, std::string& output,
                             TimeMs now) {
  TakenFrames taken;
  if (service_.is_stopping) return taken;
  Visitor* const guarded = service_.guard.is_open() ? nullptr : service_.outbox.visitor(from);
  std::array<Prepared, kTogetherMax> batch;
  while (true) {
    std::size_t count = 0;
    std::size_t prepared_bytes = taken.bytes;
    while (count < kTogetherMax && taken.frames + count < frames_max &&
           prepare(input.substr(prepared_bytes), batch[count], count > 0 ? &batch[count - 1] : nullptr,
                   guarded)) {
      prepared_bytes += batch[count].request.size;
      ++count;
    }
    if (count > 1) {
      for (std::size_t i = 0; i < count; ++i) batch[i].cache->prefetch_entry(batch[i].key);
      for (std::size_t i = 0; i < count; ++i) batch[i].cache->prefetch_neighbors(batch[i].key);
    }
    bool is_enough = count < kTogetherMax;
    for (std::size_t i = 0; i < count; ++i) {
      const Done done = execute(from, batch[i], output, now);
      if (done != Done::kNotForHere) {
        ++service_.requests;
        ++taken.frames;
        taken.bytes += batch[i].request.size;
      }
      is_enough = is_enough || done != Done::kYes;
      if (done != Done::kYes) break;
    }
    is_enough = is_enough || !gathered_.is_empty() || output.size() > kOutputBytesMax;
    gathered_.send(from);
    if (is_enough) return taken;
  }
}

bool HotRequests::prepare(Bytes input, Prepared& into, const Prepared* before, Visitor* guarded) const {
  const auto request = protocol::read_hot_request(input);
  if (!request) return false;
  const ClientLimits& limits = service_.limits;
  const bool is_within = request->size <= limits.frame.frame_bytes_max &&
                         request->key.size() <= limits.key_bytes_max &&
                         request->value.size() <= limits.value_bytes_max;
  if (!is_within) return false;
  const bool is_same_cache = before != nullptr && before->request.cache == request->cache;
  storage::Cache* const cache = is_same_cache ? before->cache : service_.catalog.find(request->cache);
  if (cache == nullptr) return false;
  const Right right = request->method == HotRequest::Method::kGet ? Right::kRead : Right::kWrite;
  if (guarded != nullptr && !service_.guard.may_now(*guarded, right, *cache)) return false;
  into = {*request, cache, cache->hashed(request->key)};
  cache->prefetch_bucket(into.key);
  return true;
}

HotRequests::Done HotRequests::execute(ConnectionId from, const Prepared& one, std::string& output,
                                       TimeMs now) {
  if (service_.cold_keys.is_waited_for(one.cache->id(), one.key.key)) return Done::kNotForHere;
  return one.request.method == HotRequest::Method::kGet ? get(from, one, output, now)
                                                        : put(from, one, output, now);
}

HotRequests::Done HotRequests::get(ConnectionId from, const Prepared& one, std::string& output, TimeMs now) {
  const auto found = one.cache->get(one.key, now);
  if (std::holds_alternative<storage::Cold>(found)) return Done::kNotForHere;
  const auto* const hit = std::get_if<storage::Hit>(&found);
  const bool is_gathered = hit != nullptr && hit->entry.value.size() >= kGatheredBytesMin &&
                           hit->entry.value.size() <= Replies::kCopiedBytesMax;
  if (is_gathered) {
    gathered_.add(one.request.id, hit->entry.value);
    return Done::kYes;
  }
  gathered_.send(from);  // it stands before this one
  if (hit == nullptr) {
    protocol::append_miss(output, one.request.id);
    return Done::kYes;
  }
  const storage::BytesView& value = hit->entry.value;
  if (value.size() > Replies::kCopiedBytesMax) {
    answer_large(service_, {from, protocol::MessageId::from_encoded(one.request.id), false}, *one.cache,
                 one.key.key, hit->entry);
    return Done::kAndEnough;
  }
  protocol::append_hit_start(output, one.request.id);
  value.for_each_part([&](std::string_view part) { output.append(part); });
  return Done::kYes;
}

HotRequests::Done HotRequests::put(ConnectionId from, const Prepared& one, std::string& output, TimeMs now) {
  gathered_.send(from);  // before what it shows is overwritten
  const auto outcome = one.cache->put(one.key, one.request.value, {}, now);
  const auto* const written = std::get_if<storage::Written>(&outcome);
  if (written == nullptr) return Done::kNotForHere;
  after_write(service_, *one.cache, one.key.key, now);
  protocol::append_version(output, one.request.id, written->version);
  return Done::kYes;
}

}  // namespace pannier::daemon
