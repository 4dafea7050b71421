"""Clients that know nothing of Pannier work as they are: Neovim's channels, pynvim's session, a script of twenty
lines."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys

import pytest

from daemon_process import binary

NVIM_SCRIPT = """
function! Main() abort
  let channel = sockconnect('pipe', $PANNIER_SOCKET, {'rpc': v:true})
  let answers = {}
  let answers.put = rpcrequest(channel, 'put', $CACHE, 'from nvim', {'list': [1, 2.5, 'three'], 'nil': v:null})
  let answers.get = rpcrequest(channel, 'get', $CACHE, 'from nvim')
  let answers.miss = rpcrequest(channel, 'get', $CACHE, 'absent')
  let answers.info = rpcrequest(channel, 'info', $CACHE)
  let answers.delete = rpcrequest(channel, 'delete', $CACHE, 'from nvim')
  let answers.errors = []
  for request in [['no_such_method'], ['get', 'no-such-cache', 'k'], ['put', $CACHE, 'k', 1, {'ttl_ms': -1}]]
    try
      call call('rpcrequest', [channel] + request)
    catch
      call add(answers.errors, v:exception)
    endtry
  endfor
  call rpcnotify(channel, 'put', $CACHE, 'notified', 5)
  let answers.notified = rpcrequest(channel, 'get', $CACHE, 'notified')
  let answers.still = rpcrequest(channel, 'ping')
  call writefile([json_encode(answers)], $ANSWERS)
endfunction
try
  call Main()
catch
  call writefile([json_encode({'failed': v:exception . ' at ' . v:throwpoint})], $ANSWERS)
endtry
qall!
"""


def run_nvim(daemon, directory, script, **environment):
    nvim = shutil.which("nvim")
    if nvim is None:
        pytest.skip("nvim is not installed")
    path, answers = f"{directory}/script.vim", f"{directory}/answers"
    with open(path, "w", encoding="utf-8") as file:
        file.write(script)
    settings = {"PANNIER_SOCKET": daemon.socket_path, "ANSWERS": answers, "HOME": directory, **environment}
    subprocess.run(
        [nvim, "--headless", "-u", "NONE", "-i", "NONE", "-n", "-S", path],
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=True,
    )
    with open(answers, encoding="utf-8") as file:
        return json.load(file)


def test_neovim_does_put_get_delete_info_and_sees_errors_as_text(daemon, directory, wire, open_cache):
    cache = open_cache()
    answers = run_nvim(daemon, directory, NVIM_SCRIPT, CACHE=cache)
    assert "failed" not in answers, answers
    assert answers["put"] > 0
    assert answers["get"] == [{"list": [1, 2.5, "three"], "nil": None}]
    assert answers["miss"] is None
    assert answers["info"]["name"] == cache and answers["info"]["hits"] == 1
    assert answers["delete"] is True
    for error, code in zip(answers["errors"], ["unknown_method: ", "unknown_cache: ", "bad_request: "], strict=True):
        assert code in error
    assert answers["notified"] == [5]
    assert answers["still"] == "pong"
    assert wire.call("get", cache, "notified") == [5]


NVIM_SUBSCRIBER = """
let g:told = []
function! Invalidate(...) abort
  call add(g:told, a:000)
endfunction
try
  let channel = sockconnect('pipe', $PANNIER_SOCKET, {'rpc': v:true})
  call rpcrequest(channel, 'subscribe', $CACHE)
  call rpcrequest(channel, 'put', $CACHE, 'k', 1)
  call rpcrequest(channel, 'unsubscribe', $CACHE)
  call writefile([json_encode({'pong': rpcrequest(channel, 'ping')})], $ANSWERS)
catch
  call writefile([json_encode({'failed': v:exception})], $ANSWERS)
endtry
qall!
"""


def test_neovim_survives_a_subscription(daemon, directory, open_cache):
    assert run_nvim(daemon, directory, NVIM_SUBSCRIBER, CACHE=open_cache()) == {"pong": "pong"}


@pytest.fixture
def pynvim_session(daemon):
    if importlib.util.find_spec("pynvim") is None:
        pytest.skip("pynvim is not installed")
    from pynvim.msgpack_rpc import socket_session

    session = socket_session(daemon.socket_path)
    yield session
    session.close()


def test_pynvims_session_does_put_get_delete_and_info(pynvim_session, open_cache):
    cache, request = open_cache(), pynvim_session.request
    assert request("put", cache, "k", {"a": [1, None, True, 2.5, b"bytes", "é"]}) > 0
    assert request("get", cache, "k") == [{"a": [1, None, True, 2.5, b"bytes", "é"]}]
    assert request("get", cache, "absent") is None
    assert request("info", cache)["hits"] == 1
    assert request("delete", cache, "k") is True


def test_pynvims_session_sees_errors_as_text_and_goes_on(pynvim_session, open_cache):
    seen = []
    pynvim_session.error_wrapper = lambda error: seen.append(error) or RuntimeError(error)
    failing = {"unknown_method": ("nothing",), "unknown_cache": ("get", "nothing", "k"), "bad_request": ("get",)}
    for code, request in failing.items():
        with pytest.raises(RuntimeError):
            pynvim_session.request(*request)
        assert isinstance(seen[-1], str) and seen[-1].startswith(code + ": ")
    assert pynvim_session.request("ping") == "pong"


def test_pynvims_session_gets_invalidations_as_messages(pynvim_session, wire, open_cache):
    cache = open_cache()
    sequence = pynvim_session.request("subscribe", cache)["sequence"]
    wire.call("put", cache, "k", 1)
    assert list(pynvim_session.next_message()) == ["notification", "invalidate", [cache, ["k"], sequence + 1]]


TWENTY_LINES = """
import itertools, msgpack, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
unpacker, ids = msgpack.Unpacker(), itertools.count()

def call(method, *params):
    msgid = next(ids)
    connection.sendall(msgpack.packb([0, msgid, method, params]))
    while True:
        for kind, replied, error, result in unpacker:
            assert (kind, replied) == (1, msgid)
            if error:
                raise RuntimeError(error)
            return result
        unpacker.feed(connection.recv(65536))

call("put", "lru", "greeting", {"hello": ["world", 1, None]})
print(call("get", "lru", "greeting"), call("delete", "lru", "greeting"), call("get", "lru", "greeting"))
"""


def test_a_script_of_twenty_lines_is_a_client(daemon):
    done = subprocess.run(
        [sys.executable, "-c", TWENTY_LINES, daemon.socket_path], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[{'hello': ['world', 1, None]}] True None\n"
    assert len(TWENTY_LINES.strip().splitlines()) <= 20


def test_the_command_finds_the_daemon_by_pannier_socket(daemon):
    environment = {**os.environ, "PANNIER_SOCKET": daemon.socket_path}
    done = subprocess.run([binary("PANNIER"), "ping"], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "pong"), done.stderr
