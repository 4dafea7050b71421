// pannier metrics
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/metrics_server.h"
#include "client/cli/metrics_text.h"
#include "pannier/value.h"

namespace pannier::cli {

namespace {

std::string info_with_buckets(Session& session) {
  return session.client().call("info", pack(std::vector{std::map<std::string, bool>{{"buckets", true}}}));
}

/// A daemon that is away or answers something else is told as such: whoever scrapes must see it.
std::string metrics_or_down(Session& session) {
  try {
    return metrics_text(info_with_buckets(session));
  } catch (const Error&) {
    return metrics_text(std::nullopt);
  }
}

void serve(Session& session, const std::string& where) {
  const auto address = parse_listen_address(where);
  if (!address) {
    throw Failed(ExitCode::kUsage,
                 "--listen: a path that begins with /, or 127.0.0.1:PORT, [::1]:PORT or "
                 "localhost:PORT is right, not " +
                     where + "; for other hosts put a proxy that asks who they are in front");
  }
  // Blocked before the server's thread is made, so that they come here.
  sigset_t ends;
  sigemptyset(&ends);
  for (const int number : {SIGINT, SIGTERM}) sigaddset(&ends, number);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  const MetricsServer server(*address, [&session] { return metrics_or_down(session); });
  session.print_line("serving " + server.url());
  session.flush();
  int number = 0;
  sigwait(&ends, &number);
}

}  // namespace

void add_metrics(Arguments& arguments, Session& session) {
  const auto listen = std::make_shared<std::string>();
  arguments.text("--listen", *listen, "ADDRESS", "Serve them over HTTP until SIGINT or SIGTERM");
  arguments.help(
      R"(Prints what `pannier info` tells as metrics for Prometheus. With --listen they are at /metrics of ADDRESS: the
path of a Unix socket, or 127.0.0.1:PORT, [::1]:PORT, localhost:PORT. A daemon that does not answer is pannier_up 0.
Alert rules and a dashboard for Grafana are in share/pannier/metrics.

Examples:
  pannier metrics > /var/lib/prometheus/node-exporter/pannier.prom
  pannier metrics --listen 127.0.0.1:9109)");
  arguments.run([&session, listen] {
    if (!listen->empty()) return serve(session, *listen);
    session.print(metrics_text(info_with_buckets(session)));
  });
}

}  // namespace pannier::cli
