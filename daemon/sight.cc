#include "daemon/sight.h"

#include "daemon/uv_loop.h"

namespace pannier::daemon {

namespace {

/// Of a cache and a key; what is longer is not kept.
constexpr std::size_t kKeptBytesMax = 512;

}  // namespace

Sight::Scope::Scope(Sight& sight, const Address& request, protocol::Bytes params, Waited waited)
    : sight_(sight), outer_(sight.scope_), request_(request), params_(params), waited_(waited) {
  sight_.scope_ = this;
}

void Sight::answered(const Address& request, const SeenAnswer& answer) {
  const std::uint64_t ns = meter_.answered(request.received);
  if (is_slow(ns) || is_monitored()) tell(request, ns, answer);
}

void Sight::failed(const Address& request, protocol::ErrorCode code) {
  meter_.failed(request.received.row, code);
  answered(request, {0, false, code});
}

void Sight::tell(const Address& request, std::uint64_t ns, const SeenAnswer& answer) {
  const Scope* const scope = scope_of(request);
  const protocol::Bytes params = scope == nullptr ? protocol::Bytes() : scope->params_;
  if (is_slow(ns)) slow_.tell(request, ns, params, scope == nullptr ? Waited::kNothing : scope->waited_);
  if (is_monitored()) monitors.tell({request, params, ns, answer}, UvLoop::clock_ns());
}

std::string Sight::kept_params(const Address& request) const {
  const Scope* const scope = scope_of(request);
  return scope == nullptr ? std::string() : std::string(scope->params_.substr(0, kKeptBytesMax));
}

const Sight::Scope* Sight::scope_of(const Address& request) const {
  if (scope_ == nullptr) return nullptr;
  const Address& known = scope_->request_;
  const bool is_same = known.connection == request.connection && known.id == request.id &&
                       known.received.at_ns == request.received.at_ns;
  return is_same ? scope_ : nullptr;
}

}  // namespace pannier::daemon
