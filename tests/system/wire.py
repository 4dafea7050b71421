"""A raw MessagePack-RPC client for tests: it sees messages as bytes, and sends any bytes.

It is not a client library: it neither reconnects nor retries, and checks nothing about what it sends. It does check
what it receives: everything must be a well-formed response or notification.
"""

import collections
import socket
import struct
import time

import msgpack

# An upper bound for everything that should happen at once; a busy machine with sanitizers must meet it.
TIMEOUT_S = 30.0


class Raw(bytes):
    """One encoded MessagePack object, sent as these bytes."""


class RpcError(Exception):
    """The error of a response: `code: text`."""

    def __init__(self, error):
        super().__init__(error)
        self.error = error
        self.code, _, self.text = error.partition(": ")


class Closed(Exception):
    """The daemon closed the connection."""


class Cut(Exception):
    """The connection ended inside a message, as it may when the daemon is killed."""


Response = collections.namedtuple("Response", "msgid_bytes error result_bytes")
Invalidation = collections.namedtuple("Invalidation", "cache keys sequence")


# To make one takes longer than to pack what tests send.
packer = msgpack.Packer(use_bin_type=True, unicode_errors="surrogateescape")


def encode(item):
    """The MessagePack bytes of `item`; Raw objects, at any depth, go in as they are."""
    if isinstance(item, Raw):
        return bytes(item)
    if isinstance(item, (list, tuple)) and not isinstance(item, msgpack.ExtType):
        return packer.pack_array_header(len(item)) + b"".join([encode(each) for each in item])
    if isinstance(item, dict):
        return packer.pack_map_header(len(item)) + b"".join([encode(key) + encode(value) for key, value in item.items()])
    return packer.pack(item)


def pairs(*items):
    """A map as bytes with its pairs in this order, doubled ones too: pairs(("a", 1), ("a", 2))."""
    encoded = b"".join(encode(key) + encode(value) for key, value in items)
    return Raw(packer.pack_map_header(len(items)) + encoded)


def new_unpacker():
    return msgpack.Unpacker(raw=False, strict_map_key=False, unicode_errors="surrogateescape", max_buffer_size=0)


def decode(data):
    unpacker = new_unpacker()
    unpacker.feed(data)
    return unpacker.unpack()


def items_of(data):
    """The encoded items of an encoded array."""
    unpacker = new_unpacker()
    unpacker.feed(data)
    count = unpacker.read_array_header()
    items = []
    for _ in range(count):
        start = unpacker.tell()
        unpacker.skip()
        items.append(bytes(data[start : unpacker.tell()]))
    return items


def request_bytes(msgid, method, *params):
    return encode([0, msgid, method, list(params)])


class Wire:
    """One connection. Replies are matched by msgid and kept until asked for; invalidations are collected."""

    def __init__(self, path, timeout_s=TIMEOUT_S):
        self.timeout_s = timeout_s
        self.replies = {}
        self.reply_order = []
        self.notifications = []
        self.seen = []  # what `monitor` tells
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout_s)
        self.socket.connect(path)
        self._splitter = new_unpacker()
        self._buffer = bytearray()
        self._taken = 0
        self._next_id = 0

    def close(self):
        self.socket.close()

    def finish_sending(self):
        """Ends the stream towards the daemon; replies can still be read."""
        self.socket.shutdown(socket.SHUT_WR)

    # Sending.

    def send(self, data):
        self.socket.settimeout(self.timeout_s)
        self.socket.sendall(data)

    def request(self, method, *params):
        """Sends a request and returns its msgid without waiting."""
        self._next_id += 1
        self.send(request_bytes(self._next_id, method, *params))
        return self._next_id

    def pipeline(self, *requests):
        """Sends requests, each a tuple (method, params...), in one write; returns their msgids."""
        ids = range(self._next_id + 1, self._next_id + 1 + len(requests))
        self._next_id += len(requests)
        self.send(b"".join(request_bytes(msgid, *request) for msgid, request in zip(ids, requests)))
        return list(ids)

    def notify(self, method, *params):
        self.send(encode([2, method, list(params)]))

    # Receiving.

    def receive(self, timeout_s=None):
        """Reads one message and files it. TimeoutError if none came in time, Closed at the end of the stream."""
        message = self._next_frame(time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s))
        items = items_of(message)
        kind = decode(items[0])
        if kind == 1:
            assert len(items) == 4, message
            response = Response(items[1], decode(items[2]), items[3])
            assert response.error is None or response.result_bytes == b"\xc0", "both an error and a result"
            msgid = decode(items[1])
            assert msgid is None or msgid not in self.replies, f"two replies to request {msgid}"
            self.replies[msgid] = response
            self.reply_order.append(msgid)
            return response
        assert kind == 2 and len(items) == 3, message
        method, params = decode(items[1]), decode(items[2])
        if method == "request":
            self.seen.append(params)
            return params
        assert method == "invalidate" and len(params) == 3, message
        self.notifications.append(Invalidation(*params))
        return self.notifications[-1]

    def reply(self, msgid, timeout_s=None):
        """The response to `msgid`, as it came."""
        deadline = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        while msgid not in self.replies:
            self.receive(max(0.0, deadline - time.monotonic()))
        return self.replies.pop(msgid)

    def result_bytes(self, msgid, timeout_s=None):
        response = self.reply(msgid, timeout_s)
        if response.error is not None:
            raise RpcError(response.error)
        return response.result_bytes

    def result(self, msgid, timeout_s=None):
        return decode(self.result_bytes(msgid, timeout_s))

    def results(self, msgids):
        return [self.result(msgid) for msgid in msgids]

    def call(self, method, *params, timeout_s=None):
        return self.result(self.request(method, *params), timeout_s)

    def call_bytes(self, method, *params):
        """The encoded result."""
        return self.result_bytes(self.request(method, *params))

    def fails(self, code, method, *params):
        """Makes a request that must fail with `code`; returns the text after it."""
        msgid = self.request(method, *params)
        return check_error(self.reply(msgid), code)

    def pending(self, msgid, for_s):
        """True if no reply to `msgid` comes within `for_s`."""
        try:
            response = self.reply(msgid, for_s)
        except TimeoutError:
            return True
        self.replies[msgid] = response
        return False

    def invalidation(self, timeout_s=None):
        """The next invalidation that was not taken yet."""
        deadline = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        while not self.notifications:
            self.receive(max(0.0, deadline - time.monotonic()))
        return self.notifications.pop(0)

    def invalidations_so_far(self):
        """All invalidations sent before the reply to a request made now."""
        self.call("ping")
        taken, self.notifications = self.notifications, []
        return taken

    def read_to_end(self):
        """Reads messages until the daemon closes the connection; returns them."""
        messages = []
        while True:
            try:
                messages.append(self.receive())
            except Closed:
                return messages

    def is_silent(self, for_s):
        """True if the daemon sends nothing for that long, and leaves the connection open."""
        try:
            self.receive(for_s)
            return False
        except TimeoutError:
            return True

    def _next_frame(self, deadline):
        while True:
            try:
                self._splitter.skip()
            except msgpack.OutOfData:
                self._feed(deadline)
                continue
            size = self._splitter.tell() - self._taken
            frame = bytes(self._buffer[:size])
            del self._buffer[:size]
            self._taken += size
            return frame

    def _feed(self, deadline):
        self.socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        if not data:
            if self._buffer:
                raise Cut(f"after {len(self._buffer)} bytes of it: {bytes(self._buffer[:100])!r}")
            raise Closed()
        self._buffer += data
        self._splitter.feed(data)


def check_error(response, code):
    """Asserts that `response` is an error of that code in the form that the contract gives; returns its text."""
    assert response.error is not None, f"wanted {code}, got the result {response.result_bytes[:200]!r}"
    assert isinstance(response.error, str), response.error
    response.error.encode("utf-8")  # raises on what was not valid UTF-8 (surrogateescape)
    assert response.result_bytes == b"\xc0"
    found, colon, text = response.error.partition(": ")
    assert found == code, f"wanted {code}, got {response.error!r}"
    assert colon and text.strip(), f"an error without words: {response.error!r}"
    assert len(text) < 1000, "the text repeats too much of the request"
    return text


def bin32(size):
    return b"\xc6" + struct.pack(">I", size)
