"""The examples of protocol/PROTOCOL.md, played to a daemon: what is marked as sent is sent, and what comes back is what
the document says, byte for byte. Only the words of errors may differ: their codes are what is stable."""

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from wire import Response, decode, items_of, request_bytes

DOCUMENT = Path(__file__).resolve().parents[2] / "protocol" / "PROTOCOL.md"


def examples():
    """(title, conversation) of each block `wire`; a conversation is a list of (client, direction, frame)."""
    title, conversation = "", None
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            title = line.lstrip("# ")
        elif line == "```wire":
            conversation = []
        elif line.startswith("```") and conversation:
            yield title, conversation
            conversation = None
        elif conversation is not None:
            mark, content = re.fullmatch(r"(B?[<>])? +(\S.*)", line).groups()
            if mark:
                conversation.append((mark[:-1], mark[-1], b""))
            if not content.startswith("["):
                client, direction, frame = conversation.pop()
                conversation.append((client, direction, frame + bytes.fromhex(content)))


EXAMPLES = list(examples())


def wait_until_executed(wire):
    """Whatever was sent before has been executed when a ping is answered, even if its own answer is still to come."""
    msgid = 1_000_000
    wire.send(request_bytes(msgid, "ping"))
    assert decode(wire.receive().msgid_bytes) == msgid
    del wire.replies[msgid]


def check_received(received, frame):
    items = items_of(frame)
    if not isinstance(received, Response):
        assert list(received) == decode(items[2])
        return
    expected_error = decode(items[2])
    assert received.msgid_bytes == items[1]
    assert received.result_bytes == items[3]
    assert (received.error or "").partition(": ")[0] == (expected_error or "").partition(": ")[0]


def test_there_are_examples():
    assert len(EXAMPLES) >= 10


@pytest.mark.parametrize("conversation", [each for _, each in EXAMPLES], ids=[title for title, _ in EXAMPLES])
def test_a_daemon_answers_as_the_document_says(own_daemon, conversation):
    wires = {client: own_daemon.connect() for client, _, _ in conversation}
    following = itertools.chain(conversation[1:], [("", "", b"")])
    for (client, direction, frame), (next_client, next_direction, _) in zip(conversation, following):
        if direction == "<":
            check_received(wires[client].receive(), frame)
            continue
        wires[client].send(frame)
        if (next_client, next_direction) != (client, "<"):
            wait_until_executed(wires[client])
    for wire in wires.values():
        wire.close()


def test_the_client_of_the_document_works(daemon):
    program = re.search(r"^```python\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[1]
    shown = re.search(r"print\(.*\)  # (.*)$", program, re.MULTILINE)[1]
    environment = {**os.environ, "PANNIER_SOCKET": daemon.socket_path}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == (shown, "")


def test_every_limit_stands_in_the_document_with_its_default(wire):
    text = DOCUMENT.read_text(encoding="utf-8")
    limits = wire.call("hello")["limits"]
    assert [name for name, value in limits.items() if f"| `{name}` | {value:,}" not in text] == []


def test_every_field_of_info_stands_in_the_document(wire):
    text = DOCUMENT.read_text(encoding="utf-8")
    info = wire.call("info")
    fields = {*info["server"], *info["caches"]["lru"], *info["caches"]["durable"]}
    assert sorted(field for field in fields if f"`{field}`" not in text) == []
