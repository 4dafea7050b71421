#include "tests/bench/dialect.h"

#include <charconv>
#include <stdexcept>
#include <utility>

#include "protocol/cursor.h"
#include "protocol/message.h"
#include "protocol/scanner.h"
#include "protocol/writer.h"

namespace pannier::bench {
namespace {

/// The line at the start, without its end; nothing if it is not whole.
std::optional<std::string_view> line_of(std::string_view in) {
  const auto end = in.find("\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  return in.substr(0, end);
}

std::int64_t integer_of(std::string_view text) {
  std::int64_t integer = 0;
  std::from_chars(text.data(), text.data() + text.size(), integer);
  return integer;
}

void refuse(Tally& tally, std::string_view text) {
  if (tally.refusal.empty()) tally.refusal = text;
}

class Pannier final : public Dialect {
 public:
  Pannier(std::string cache, std::size_t many_max) : cache_(std::move(cache)), many_max_(many_max) {}

  std::uint64_t put(std::string& out, std::span<const Key> keys, std::size_t value_bytes,
                    std::optional<std::int64_t> deadline_ms) override {
    return in_requests(keys, [&](std::span<const Key> some) {
      protocol::Writer writer(out);
      const bool is_many = many_max_ > 1;
      writer.request_start(1, is_many ? "put_many" : "put");
      writer.array(static_cast<std::uint32_t>((is_many ? 2 : 3) + (deadline_ms ? 1 : 0)));
      writer.string(cache_);
      if (is_many) writer.array(static_cast<std::uint32_t>(some.size()));
      for (const auto& key : some) {
        if (is_many) writer.array(2);
        writer.string(view_of(key));
        writer.binary(value_of(value_bytes));
      }
      if (!deadline_ms) return;
      writer.map(1);
      writer.string("ttl_ms");
      writer.integer(std::max<std::int64_t>(*deadline_ms - wall_now_ms(), 0));
    });
  }

  std::uint64_t get(std::string& out, std::span<const Key> keys) override {
    return in_requests(keys, [&](std::span<const Key> some) {
      protocol::Writer writer(out);
      const bool is_many = many_max_ > 1;
      writer.request_start(1, is_many ? "get_many" : "get");
      writer.array(2);
      writer.string(cache_);
      if (is_many) writer.array(static_cast<std::uint32_t>(some.size()));
      for (const auto& key : some) writer.string(view_of(key));
    });
  }

  std::size_t take(std::string_view in, Tally& tally) override {
    std::size_t taken = 0;
    for (;;) {
      const std::string_view rest = in.substr(taken);
      const auto outcome = scanner_.scan(rest);
      if (std::holds_alternative<protocol::Error>(outcome)) throw std::runtime_error("no MessagePack");
      const auto* end = std::get_if<protocol::FrameEnd>(&outcome);
      if (end == nullptr) return taken;
      count(rest.substr(0, end->size), tally);
      taken += end->size;
    }
  }

 private:
  template <typename Write>
  std::uint64_t in_requests(std::span<const Key> keys, const Write& write) const {
    std::uint64_t requests = 0;
    for (std::size_t at = 0; at < keys.size(); at += many_max_, ++requests) {
      write(keys.subspan(at, std::min(many_max_, keys.size() - at)));
    }
    return requests;
  }

  void count(std::string_view frame, Tally& tally) const {
    ++tally.replies;
    const auto message = protocol::read_message(frame, protocol::Sender::kServer);
    const auto* response = std::get_if<protocol::Response>(&message);
    if (response == nullptr) throw std::runtime_error("no response");
    protocol::Cursor error(response->error);
    if (!error.read_nil()) return refuse(tally, error.read_string().value_or("an error"));
    protocol::Cursor result(response->result);
    if (many_max_ == 1 || result.peek() != protocol::Type::kArray) {
      tally.good += result.read_nil() ? 0 : 1;
      return;
    }
    for (auto items = result.read_array().value_or(0); items > 0; --items) {
      if (result.read_nil()) continue;
      result.read_object();
      ++tally.good;
    }
  }

  std::string cache_;
  std::size_t many_max_;
  protocol::FrameScanner scanner_{protocol::FrameLimits{}};
};

class Redis final : public Dialect {
 public:
  std::uint64_t put(std::string& out, std::span<const Key> keys, std::size_t value_bytes,
                    std::optional<std::int64_t> deadline_ms) override {
    for (const auto& key : keys) {
      out += deadline_ms ? "*5\r\n$3\r\nSET\r\n" : "*3\r\n$3\r\nSET\r\n";
      bulk(out, view_of(key));
      bulk(out, value_of(value_bytes));
      if (!deadline_ms) continue;
      bulk(out, "PXAT");
      bulk(out, std::to_string(*deadline_ms));
    }
    return keys.size();
  }

  std::uint64_t get(std::string& out, std::span<const Key> keys) override {
    for (const auto& key : keys) {
      out += "*2\r\n$3\r\nGET\r\n";
      bulk(out, view_of(key));
    }
    return keys.size();
  }

  std::size_t take(std::string_view in, Tally& tally) override {
    std::size_t taken = 0;
    while (const auto line = line_of(in.substr(taken))) {
      std::size_t size = line->size() + 2;
      const bool is_bulk = line->starts_with('$');
      const auto bytes = is_bulk ? integer_of(line->substr(1)) : 0;
      if (is_bulk && bytes >= 0) size += static_cast<std::size_t>(bytes) + 2;
      if (taken + size > in.size()) break;
      ++tally.replies;
      if (line->starts_with('-'))
        refuse(tally, *line);
      else if (!is_bulk || bytes >= 0)
        ++tally.good;
      taken += size;
    }
    return taken;
  }

 private:
  static void bulk(std::string& out, std::string_view bytes) {
    out += '$';
    out += std::to_string(bytes.size());
    out += "\r\n";
    out += bytes;
    out += "\r\n";
  }
};

/// Its meta commands.
class Memcached final : public Dialect {
 public:
  std::uint64_t put(std::string& out, std::span<const Key> keys, std::size_t value_bytes,
                    std::optional<std::int64_t> deadline_ms) override {
    std::string tail = ' ' + std::to_string(value_bytes);
    // Its deadlines are whole seconds.
    if (deadline_ms) tail += " T" + std::to_string(*deadline_ms / 1000);
    tail += "\r\n";
    for (const auto& key : keys) {
      out += "ms ";
      out += view_of(key);
      out += tail;
      out += value_of(value_bytes);
      out += "\r\n";
    }
    return keys.size();
  }

  std::uint64_t get(std::string& out, std::span<const Key> keys) override {
    for (const auto& key : keys) {
      out += "mg ";
      out += view_of(key);
      out += " v\r\n";
    }
    return keys.size();
  }

  std::size_t take(std::string_view in, Tally& tally) override {
    std::size_t taken = 0;
    while (const auto line = line_of(in.substr(taken))) {
      std::size_t size = line->size() + 2;
      const bool has_value = line->starts_with("VA ");
      if (has_value) size += static_cast<std::size_t>(integer_of(line->substr(3))) + 2;
      if (taken + size > in.size()) break;
      ++tally.replies;
      if (has_value || line->starts_with("HD") || *line == "OK")
        ++tally.good;
      else if (*line != "EN")
        refuse(tally, *line);
      taken += size;
    }
    return taken;
  }
};

}  // namespace

std::unique_ptr<Dialect> dialect_of(Peer peer, std::string cache, std::size_t many_max) {
  switch (peer) {
    case Peer::kPannier:
      return std::make_unique<Pannier>(std::move(cache), many_max);
    case Peer::kRedis:
      return std::make_unique<Redis>();
    case Peer::kMemcached:
      return std::make_unique<Memcached>();
  }
  return nullptr;
}

std::string pannier_request(std::string_view method, std::string_view params) {
  std::string request;
  protocol::Writer writer(request);
  writer.request_start(1, method);
  writer.raw(params);
  return request;
}

}  // namespace pannier::bench
