#include "daemon/hot_requests.h"

#include <algorithm>
#include <variant>

#include "daemon/handlers/common.h"
#include "daemon/large_get.h"
#include "daemon/methods.h"
#include "daemon/uv_loop.h"

namespace pannier::daemon {

using protocol::Bytes;
using protocol::HotRequest;
using storage::TimeMs;

HotRequests::HotRequests(Service& service)
    : service_(service),
      gathered_(service.outbox),
      get_row_(row_of(*method_named("get"))),
      put_row_(row_of(*method_named("put"))) {}

TakenFrames HotRequests::run(ConnectionId from, Bytes input, std::uint32_t frames_max, std::string& output,
                             TimeMs now) {
  TakenFrames taken;
  if (service_.is_stopping || service_.sight.is_monitored()) return taken;
  Visitor* const guarded = service_.guard.is_open() ? nullptr : service_.outbox.visitor(from);
  began_ns_ = 0;
  while (true) {
    const std::size_t count =
        prepare_batch(input.substr(taken.bytes), frames_max - taken.frames, guarded, batch_);
    if (count == 0) return taken;
    if (began_ns_ == 0) began_ns_ = UvLoop::clock_ns();
    std::size_t executed = 0;
    Done done = Done::kYes;
    while (executed < count && done == Done::kYes) {
      done = execute(from, batch_[executed], output, now);
      if (done == Done::kNotForHere) break;
      taken.bytes += batch_[executed].request.size;
      ++executed;
    }
    taken.frames += static_cast<std::uint32_t>(executed);
    const bool is_enough = executed < kTogetherMax || done != Done::kYes || !gathered_.is_empty() ||
                           output.size() > kOutputBytesMax;
    gathered_.send(from);
    note(from, std::span(batch_).first(executed), done);
    if (is_enough) return taken;
  }
}

std::size_t HotRequests::prepare_batch(Bytes input, std::size_t count_max, Visitor* guarded,
                                       Batch& batch) const {
  std::size_t count = 0;
  std::size_t bytes = 0;
  while (count < std::min(count_max, kTogetherMax) &&
         prepare(input.substr(bytes), batch[count], count > 0 ? &batch[count - 1] : nullptr, guarded)) {
    bytes += batch[count].request.size;
    ++count;
    if (batch[count - 1].request.is_synced) break;  // see kWaits
  }
  if (count > 1) storage::prefetch_all(std::span(batch).first(count));
  return count;
}

void HotRequests::note(ConnectionId from, std::span<const Prepared> executed, Done last) {
  if (executed.empty()) return;
  const auto is_get = [](const Prepared& one) { return one.request.method == HotRequest::Method::kGet; };
  const auto gets = static_cast<std::uint64_t>(std::ranges::count_if(executed, is_get));
  const std::uint64_t puts = executed.size() - gets;
  Sight& sight = service_.sight;
  sight.requested(get_row_, gets);
  sight.requested(put_row_, puts);
  const std::uint64_t now_ns = UvLoop::clock_ns();
  const std::uint64_t ns = now_ns - began_ns_;
  // The last may be answered by others, who tell of it.
  const std::uint64_t gets_answered = last == Done::kAndEnough ? gets - 1 : gets;
  const std::uint64_t puts_answered = last == Done::kWaits ? puts - 1 : puts;
  if (gets_answered > 0) sight.answered_together(get_row_, ns, gets_answered);
  if (puts_answered > 0) sight.answered_together(put_row_, ns, puts_answered);
  if (gets_answered + puts_answered > 0 && sight.is_slow(ns)) note_slow(from, executed.front(), ns);
  began_ns_ = now_ns;
}

void HotRequests::note_slow(ConnectionId from, const Prepared& one, std::uint64_t ns) const {
  const Address address = address_of(from, one);
  const Sight::Scope scope(service_.sight, address, one.request.params);
  service_.sight.tell(address, ns, {});
}

Address HotRequests::address_of(ConnectionId from, const Prepared& one) const {
  const std::uint8_t row = one.request.method == HotRequest::Method::kGet ? get_row_ : put_row_;
  return {from, protocol::MessageId::from_encoded(one.request.id), false, {began_ns_, row}};
}

bool HotRequests::prepare(Bytes input, Prepared& into, const Prepared* before, Visitor* guarded) const {
  const auto request = protocol::read_hot_request(input);
  return request && prepare(*request, request->value.size(), into, before, guarded);
}

inline bool HotRequests::prepare(const HotRequest& request, std::uint64_t value_bytes, Prepared& into,
                                 const Prepared* before, Visitor* guarded) const {
  const ClientLimits& limits = service_.limits;
  const bool is_within = request.size <= limits.frame.frame_bytes_max &&
                         request.key.size() <= limits.key_bytes_max && value_bytes <= limits.value_bytes_max;
  if (!is_within) return false;
  const bool is_same_cache = before != nullptr && before->request.cache == request.cache;
  storage::Cache* const cache = is_same_cache ? before->cache : service_.catalog.find(request.cache);
  if (cache == nullptr) return false;
  const Right right = request.method == HotRequest::Method::kGet ? Right::kRead : Right::kWrite;
  if (guarded != nullptr && !service_.guard.may_now(*guarded, right, *cache)) return false;
  const storage::HashedKey key = cache->hashed(request.key);
  into = {request, cache, key, cache->prefetch(key)};
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
  if (hit != nullptr) service_.sight.hot_keys.hit(one.cache->id(), one.key.key);
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
    answer_large(service_, address_of(from, one), *one.cache, one.key.key, hit->entry);
    return Done::kAndEnough;
  }
  protocol::append_hit_start(output, one.request.id);
  value.for_each_part([&](std::string_view part) { output.append(part); });
  return Done::kYes;
}

HotRequests::Done HotRequests::put(ConnectionId from, const Prepared& one, std::string& output, TimeMs now) {
  gathered_.send(from);  // before what it shows is overwritten
  const HotRequest& request = one.request;
  if (request.is_synced && !one.cache->is_durable()) return Done::kNotForHere;
  storage::PutOptions options;
  if (request.has_ttl) options.ttl = {storage::Ttl::Kind::kGiven, request.ttl_ms};
  const auto outcome = one.cache->put(one.key, request.value, options, now);
  const auto* const written = std::get_if<storage::Written>(&outcome);
  if (written == nullptr) return Done::kNotForHere;
  if (request.is_synced) return answer_when_clean(from, one, *written, output, now);
  answer(one, *written, output, now);
  return Done::kYes;
}

HotRequests::Done HotRequests::answer_when_clean(ConnectionId from, const Prepared& one,
                                                 storage::Written written, std::string& output, TimeMs now) {
  after_write(service_, *one.cache, one.key.key, now);
  const std::uint64_t sequence = one.cache->sequence_with_version(one.key, now);
  if (sequence == 0) {
    protocol::append_version(output, one.request.id, written.version);
    return Done::kYes;
  }
  const Address to = address_of(from, one);
  const Sight::Scope scope(service_.sight, to, one.request.params);
  reply_when_clean(
      service_, to, one.cache->id(), sequence,
      [&service = service_, to, version = written.version] { service.replies.number(to, version); });
  return Done::kWaits;
}

void HotRequests::answer(const Prepared& one, storage::Written written, std::string& output, TimeMs now) {
  after_write(service_, *one.cache, one.key.key, now);
  protocol::append_version(output, one.request.id, written.version);
}

std::optional<HotRequests::PreparedStart> HotRequests::prepare_start(ConnectionId from, Bytes start) const {
  if (service_.is_stopping || service_.sight.is_monitored()) return std::nullopt;
  const auto put = protocol::read_hot_put_start(start);
  if (!put) return std::nullopt;
  Visitor* const guarded = service_.guard.is_open() ? nullptr : service_.outbox.visitor(from);
  PreparedStart prepared{{}, put->value_bytes};
  if (!prepare(put->request, put->value_bytes, prepared.put, nullptr, guarded)) return std::nullopt;
  const Prepared& one = prepared.put;
  if (service_.cold_keys.is_waited_for(one.cache->id(), one.key.key)) return std::nullopt;
  return prepared;
}

std::unique_ptr<storage::Draft> HotRequests::draft(ConnectionId from, Bytes start, storage::DraftOwner& owner,
                                                   TimeMs now) const {
  const auto prepared = prepare_start(from, start);
  if (!prepared) return nullptr;
  const Prepared& one = prepared->put;
  auto draft = one.cache->draft(one.key.key, prepared->value_bytes, owner, now);
  const bool is_enough = draft != nullptr && one.request.size - draft->bytes() <= start.size();
  return is_enough ? std::move(draft) : nullptr;
}

bool HotRequests::put_draft(ConnectionId from, Bytes start, storage::Draft& draft, std::string& output,
                            TimeMs now) {
  const auto prepared = prepare_start(from, start);
  if (!prepared) return false;
  const Prepared& one = prepared->put;
  began_ns_ = UvLoop::clock_ns();
  const auto written = one.cache->put_draft(one.key, one.request.value, draft, now);
  if (!written) return false;
  answer(one, *written, output, now);
  note(from, {&one, 1}, Done::kYes);
  return true;
}

}  // namespace pannier::daemon
