"""`metrics`: what Prometheus is told, the exporter, and the alert rules and the dashboard that are made of it.
promtool, Prometheus' own checker, is in Debian's package prometheus."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from conftest import Command, running_daemon, wait_until

FILES = Path(__file__).resolve().parents[2] / "client" / "cli" / "metrics"
RULES = FILES / "pannier-alerts.yml"
DASHBOARD = FILES / "pannier-dashboard.json"


@pytest.fixture
def used(cli):
    """A daemon that has something to tell of everything."""
    cli.ok("put", "lru", "k", "v")
    cli.ok("get", "lru", "k")
    cli("get", "lru", "absent")
    cli("get", "nowhere", "k")
    cli.ok("put", "durable", "k", "v", "--sync")
    cli.ok("put", "durable", "waits", "v")
    cli.ok("open", 'odd "\\ name', "--tier", "lru", "--max-entries", "10", "--max-bytes", "1M")
    return cli


def samples(text):
    """{(name, labels as they stand): value}"""
    lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
    return {re.fullmatch(r"(\w+)(\{.*\})? (\S+)", line).group(1, 2): float(line.rpartition(" ")[2]) for line in lines}


def families(text):
    return set(re.findall(r"^# TYPE (\w+) ", text.decode(), re.MULTILINE))


def promtool(*arguments, input=b""):
    done = subprocess.run(["promtool", *arguments], input=input, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b""), done
    return done.stdout


def test_promtool_finds_nothing_wrong(used):
    assert promtool("check", "metrics", input=used.ok("metrics")) == b""


def test_figures_are_those_of_info(used):
    told = samples(used.ok("metrics"))
    lru = json.loads(used.ok("info", "lru", "--json"))
    assert told["pannier_up", None] == 1
    assert told["pannier_cache_hits_total", '{cache="lru"}'] == lru["hits"] == 1
    assert told["pannier_cache_misses_total", '{cache="lru"}'] == lru["misses"] == 1
    assert told["pannier_cache_entries", '{cache="durable"}'] == 2
    assert told["pannier_cache_max_entries", '{cache="odd \\"\\\\ name"}'] == 10
    assert ("pannier_cache_max_entries", '{cache="lru"}') not in told
    assert told["pannier_requests_total", '{method="put"}'] == 3
    assert told["pannier_request_errors_total", '{method="get",code="unknown_cache"}'] == 1
    assert told["pannier_request_errors_total", '{method="get",code="storage"}'] == 0
    assert told["pannier_connections_accepted_total", None] >= 8
    assert 0 <= told["pannier_cache_oldest_dirty_seconds", '{cache="durable"}'] < 60


def test_a_histogram_counts_every_answer_once(used):
    told = samples(used.ok("metrics"))
    name = "pannier_request_duration_seconds"
    labels = [key for key in told if key[0] == f"{name}_bucket" and 'method="put"' in key[1]]
    counts = [told[key] for key in labels]
    assert counts == sorted(counts)
    assert labels[-1][1].endswith('le="+Inf"}')
    assert counts[-1] == told[f"{name}_count", '{method="put"}'] == 3
    assert 0 < told[f"{name}_sum", '{method="put"}'] < 60
    assert len(labels) <= 30


def test_the_rules_are_sound(used):
    assert b"SUCCESS" in promtool("check", "rules", str(RULES))


def names_in(expressions):
    words = re.findall(r"\bpannier_\w+", "\n".join(expressions))
    return {re.sub("_(bucket|sum|count)$", "", word) for word in words}


def test_every_metric_of_the_rules_exists(used):
    expressions = re.findall(r"expr: (.*?)\n *(?:for|labels):", RULES.read_text(encoding="utf-8"), re.DOTALL)
    assert len(expressions) == RULES.read_text(encoding="utf-8").count("alert:")
    names = names_in(expressions)
    assert names and names <= families(used.ok("metrics"))


def test_every_metric_of_the_dashboard_exists(used):
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    variables = [one["query"]["query"] for one in dashboard["templating"]["list"] if one["type"] == "query"]
    names = names_in(expressions + variables)
    assert len(expressions) > 20 and names <= families(used.ok("metrics"))


def test_every_query_of_the_dashboard_is_one_that_prometheus_reads(used, directory):
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    rules = [{"record": f"query_{i}", "expr": expr.replace("$__rate_interval", "5m")} for i, expr in enumerate(expressions)]
    path = Path(directory) / "queries.yml"  # JSON is YAML too
    path.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")
    assert b"SUCCESS" in promtool("check", "rules", str(path))


class Exporter:
    def __init__(self, cli, address):
        self.process = cli.start("metrics", "--listen", address)
        line = self.process.stdout.readline().decode()
        assert line.startswith("serving "), self.process.stderr.read()
        self.where = line.removeprefix("serving ").strip()

    def request(self, path="/metrics", verb="GET"):
        if self.where.startswith("/"):
            connection = http.client.HTTPConnection("localhost", timeout=60)
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(60)
            connection.sock.connect(self.where)
        else:
            connection = http.client.HTTPConnection(re.match(r"http://(.*)/metrics", self.where)[1], timeout=60)
        connection.request(verb, path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer, body

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=60)
        assert (self.process.returncode, errors) == (0, b"")


@pytest.fixture
def export(cli, directory):
    started = []

    def start(address):
        started.append(Exporter(cli, address))
        return started[-1]

    yield start
    for exporter in started:
        if exporter.process.poll() is None:
            exporter.process.kill()
            exporter.process.wait()


@pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:0", "[::1]:0", "{directory}/m"])
def test_the_exporter_serves_them_and_ends_cleanly(export, directory, address):
    exporter = export(address.format(directory=directory))
    answer, body = exporter.request()
    assert (answer.status, answer.getheader("Content-Type")) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert samples(body)["pannier_up", None] == 1
    assert promtool("check", "metrics", input=body) == b""
    assert (exporter.request(verb="HEAD")[0].status, exporter.request(verb="HEAD")[1]) == (200, b"")
    assert exporter.request("/")[0].status == 404
    assert exporter.request(verb="POST")[0].status == 405
    exporter.stop()
    assert not os.path.exists(f"{directory}/m")


def test_sigterm_ends_it_cleanly_too(export):
    export("127.0.0.1:0").stop(signal.SIGTERM)


def test_a_daemon_that_is_away_is_down_and_one_that_is_back_is_up(directory):
    cli = Command(directory + "/s")
    exporter = None
    with running_daemon(directory):
        exporter = Exporter(cli, directory + "/m")
        assert samples(exporter.request()[1])["pannier_up", None] == 1
    answer, body = exporter.request()
    assert (answer.status, samples(body)) == (200, {("pannier_up", None): 0})
    with running_daemon(directory):
        assert samples(exporter.request()[1])["pannier_up", None] == 1
        exporter.stop()


@pytest.mark.parametrize("address", ["0.0.0.0:9109", "192.0.2.1:9109", "[::]:9109", "example.org:9109", "9109", ":9109",
                                     "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "relative/path"])
def test_it_listens_on_loopback_and_unix_sockets_alone(idle_cli, address):
    done = idle_cli("metrics", "--listen", address)
    assert done.returncode == 2 and b"--listen" in done.stderr


def test_a_socket_that_was_left_behind_is_taken_over_and_one_in_use_is_not(cli, export, directory):
    path = directory + "/m"
    killed = export(path)
    killed.process.kill()
    killed.process.wait()
    assert os.path.exists(path)
    exporter = export(path)
    second = cli("metrics", "--listen", path)
    assert second.returncode == 5 and b"in use" in second.stderr
    assert exporter.request()[0].status == 200
    exporter.stop()


def test_a_file_that_is_no_socket_stays_as_it_is(cli, directory):
    path = Path(directory) / "m"
    path.write_text("mine", encoding="utf-8")
    assert cli("metrics", "--listen", str(path)).returncode == 5
    assert path.read_text(encoding="utf-8") == "mine"


def test_without_a_daemon_it_fails_as_every_command_does(directory):
    assert Command(directory + "/nobody")("metrics").returncode == 4


def test_many_scrapes_at_once_are_all_answered(export):
    exporter = export("127.0.0.1:0")
    host = re.match(r"http://(.*)/metrics", exporter.where)[1]
    connections = [http.client.HTTPConnection(host, timeout=60) for _ in range(8)]
    for connection in connections:
        connection.request("GET", "/metrics")
    assert [connection.getresponse().status for connection in connections] == [200] * 8
    wait_until(lambda: exporter.request()[0].status == 200, "the exporter does not answer")
    exporter.stop()
