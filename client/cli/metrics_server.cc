#include "client/cli/metrics_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

#include "client/cli/session.h"

namespace pannier::cli {

namespace {

constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kMetricsPath = "/metrics";
constexpr int kBacklog = 16;

[[noreturn]] void throw_unable(const std::string& what) {
  throw Failed(ExitCode::kLocal, "cannot listen on " + what + ": " + std::generic_category().message(errno));
}

struct Bound {
  int fd;
  std::string url;
};

/// Whether a socket at the path has nobody who listens: it was left behind.
bool is_abandoned(const sockaddr_un& address) {
  struct stat status {};
  if (lstat(address.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool is_refused =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno == ECONNREFUSED;
  close(fd);
  return is_refused;
}

Bound bind_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    throw_unable(path);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (is_abandoned(address)) unlink(path.c_str());
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) throw_unable(path);
  return {fd, path};
}

template <typename Address>
int bind_tcp(Address& address, const std::string& name) {
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const int fd = socket(generic->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, generic, sizeof address) != 0) throw_unable(name);
  socklen_t size = sizeof address;
  getsockname(fd, generic, &size);
  return fd;
}

Bound bind_to(const ListenAddress& where) {
  if (!where.unix_path.empty()) return bind_unix(where.unix_path);
  const std::string host = where.is_ipv6 ? "[::1]:" : "127.0.0.1:";
  const std::string name = host + std::to_string(where.port);
  if (where.is_ipv6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    address.sin6_port = htons(where.port);
    const int fd = bind_tcp(address, name);
    return {fd, "http://" + host + std::to_string(ntohs(address.sin6_port)) + std::string(kMetricsPath)};
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(where.port);
  const int fd = bind_tcp(address, name);
  return {fd, "http://" + host + std::to_string(ntohs(address.sin_port)) + std::string(kMetricsPath)};
}

MHD_Result respond(MHD_Connection* connection, unsigned status, const std::string& body, const char* type) {
  MHD_Response* const response =
      MHD_create_response_from_buffer(body.size(), const_cast<char*>(body.data()), MHD_RESPMEM_MUST_COPY);
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
  if (status == MHD_HTTP_METHOD_NOT_ALLOWED) MHD_add_response_header(response, "Allow", "GET, HEAD");
  const MHD_Result result = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return result;
}

MHD_Result answer(void* text, MHD_Connection* connection, const char* url, const char* method, const char*,
                  const char*, size_t* upload_bytes, void** state) {
  // The first call for a request is before its body; there is none that is wanted.
  if (*state == nullptr) {
    *state = text;
    return MHD_YES;
  }
  if (*upload_bytes > 0) {
    *upload_bytes = 0;
    return MHD_YES;
  }
  const std::string_view verb(method);
  if (verb != MHD_HTTP_METHOD_GET && verb != MHD_HTTP_METHOD_HEAD)
    return respond(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n", "text/plain");
  if (url != kMetricsPath)
    return respond(connection, MHD_HTTP_NOT_FOUND, "metrics are at /metrics\n", "text/plain");
  const auto& make_text = *static_cast<const std::function<std::string()>*>(text);
  return respond(connection, MHD_HTTP_OK, make_text(), kMetricsType);
}

}  // namespace

std::optional<ListenAddress> parse_listen_address(std::string_view text) {
  if (text.starts_with('/')) return ListenAddress{std::string(text)};
  ListenAddress address;
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  address.is_ipv6 = host == "[::1]";
  if (!address.is_ipv6 && host != "127.0.0.1" && host != "localhost") return std::nullopt;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return std::nullopt;
  return address;
}

struct MetricsServer::Http {
  MHD_Daemon* daemon;
};

MetricsServer::MetricsServer(const ListenAddress& address, std::function<std::string()> text)
    : text_(std::move(text)) {
  const Bound bound = bind_to(address);
  url_ = bound.url;
  if (listen(bound.fd, kBacklog) != 0) throw_unable(url_);
  unix_path_ = address.unix_path;
  http_ = std::make_unique<Http>(
      Http{MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, 0, nullptr, nullptr, &answer,
                            &text_, MHD_OPTION_LISTEN_SOCKET, bound.fd, MHD_OPTION_CONNECTION_LIMIT,
                            kConnectionsMax, MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds, MHD_OPTION_END)});
  if (http_->daemon == nullptr) throw_unable(url_);
}

MetricsServer::~MetricsServer() {
  MHD_stop_daemon(http_->daemon);
  if (!unix_path_.empty()) unlink(unix_path_.c_str());
}

}  // namespace pannier::cli
