// What the handles of the C interface stand for.
#pragma once

#include "client/c/guard.h"

struct pannier_client {
  pannier::Client client;
};

struct pannier_lease {
  pannier::Lease lease;
};

namespace pannier::c {

inline Client& client_of(pannier_client* handle) {
  if (!handle) throw InvalidArgument("the client is NULL");
  return handle->client;
}

PutOptions put_options(const pannier_put_options* given);
Ttl ttl_of(std::int64_t ttl_ms);

}  // namespace pannier::c
