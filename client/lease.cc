#include "pannier/lease.h"

#include <utility>

#include "client/lease_held.h"
#include "client/round_trip.h"
#include "pannier/detail/request.h"
#include "pannier/detail/result.h"

namespace pannier {

Lease::Lease(std::unique_ptr<Held> held) noexcept : held_(std::move(held)) {}
Lease::Lease(Lease&& other) noexcept = default;

Lease& Lease::operator=(Lease&& other) noexcept {
  // The one that was held is released, as by the destructor of `taken`.
  Lease taken(std::move(other));
  std::swap(held_, taken.held_);
  return *this;
}

// A notification: it needs no answer, so that nothing can fail here but the release itself, which time ends
// anyway.
Lease::~Lease() {
  if (!held_ || !held_->connection) return;
  auto connection = std::move(held_->connection);
  if (connection->send_now(detail::release_notification(held_->cache, held_->key, held_->token))) {
    held_->pool->give(std::move(connection));
  }
}

Token Lease::token() const noexcept { return held_->token; }

std::optional<Version> Lease::put_raw(std::string_view packed, const PutOptions& options) {
  auto with_token = options;
  with_token.lease = held_->token;
  const auto request =
      detail::put_request(held_->pool->next_id(), held_->cache, held_->key, packed, with_token);
  const auto version = detail::read_version(held_->ask(request));
  if (version) held_->end();
  return version;
}

bool Lease::release() {
  const auto request =
      detail::release_request(held_->pool->next_id(), held_->cache, held_->key, held_->token);
  const bool was_held = detail::read_flag(held_->ask(request));
  held_->end();
  return was_held;
}

std::string Lease::Held::ask(const detail::Request& request) {
  if (!connection) throw InvalidArgument("the lease was put or released before, or its connection had ended");
  try {
    return detail::round_trip_on(*connection, request, detail::deadline_of(request, pool->options()));
  } catch (const TransportError&) {
    connection.reset();
    throw;
  }
}

void Lease::Held::end() { pool->give(std::move(connection)); }

}  // namespace pannier
