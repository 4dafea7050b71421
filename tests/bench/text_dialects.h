// RespDialect, MetaDialect: what the clients of Redis (RESP2) and of memcached (its meta commands) say about
// a load's entries.
#pragma once

#include <string>

#include "client/load/dialect.h"

namespace pannier::bench {

/// GET, MGET, SET.
class RespDialect final : public load::Dialect {
 public:
  explicit RespDialect(const load::Entries& entries);

  void append_request(std::string& out, const load::Asked& asked) const override;
  std::size_t reply_bytes(std::string_view in, const load::Asked& asked) const override;
  void append_reply(std::string& out, const load::Asked& asked) const override;

 private:
  std::string head_;  ///< of a value
};

/// mg and ms. It has no request for many keys: that is as many gets in one piece.
class MetaDialect final : public load::Dialect {
 public:
  explicit MetaDialect(const load::Entries& entries);

  void append_request(std::string& out, const load::Asked& asked) const override;
  std::size_t reply_bytes(std::string_view in, const load::Asked& asked) const override;
  void append_reply(std::string& out, const load::Asked& asked) const override;

 private:
  std::string head_;  ///< of a value
};

}  // namespace pannier::bench
