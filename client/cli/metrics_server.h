// MetricsServer answers HTTP requests for /metrics, on a Unix socket or a loopback address alone, because
// what it tells is for whoever may ask there. HTTP itself is libmicrohttpd's. One request at a time is
// answered, by a thread of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace pannier::cli {

/// Where to listen.
struct ListenAddress {
  std::string unix_path;   ///< empty: TCP
  bool is_ipv6 = false;    ///< ::1, else 127.0.0.1
  std::uint16_t port = 0;  ///< 0: any that is free
};

/// "/run/pannier/metrics.sock", "127.0.0.1:9109", "[::1]:9109", "localhost:9109". Nothing for all else.
std::optional<ListenAddress> parse_listen_address(std::string_view text);

class MetricsServer {
 public:
  /// Of requests under way and clients that keep their connection.
  static constexpr unsigned kConnectionsMax = 64;
  /// A connection on which nothing happens is closed: sooner than Prometheus gives up (10 s), so that it is
  /// answered even where others have taken all of them.
  static constexpr unsigned kIdleSeconds = 5;

  /// Listens from now on. `text` is called for each request, on the server's thread, and must not throw.
  /// Failed (kLocal): it cannot listen there.
  MetricsServer(const ListenAddress& address, std::function<std::string()> text);
  /// Ends the request that is answered, and removes the socket's path.
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  /// "http://127.0.0.1:9109/metrics", or "/run/pannier/metrics.sock".
  const std::string& url() const { return url_; }

 private:
  struct Http;

  std::function<std::string()> text_;
  std::string unix_path_;  ///< to be removed
  std::string url_;
  std::unique_ptr<Http> http_;
};

}  // namespace pannier::cli
