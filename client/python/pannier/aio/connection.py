"""One socket of one event loop: requests go out as they come, replies are matched to them by msgid.

A request's future ends with the result as it stands in the reply (one MessagePack object, not decoded), with a
`ServerError`, or, when the connection ends first, with `Lost`. Whoever waits may be canceled at any time: what was
begun to be sent is sent whole, its reply is thrown away, and the connection stays good for everybody else.

Neither repeats nor reconnects, and knows no methods. Used in the thread of its loop alone. A process that was forked
off may only `close` what it inherited: that closes its copy of the socket and touches neither loop nor daemon.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import socket
from collections import deque
from collections.abc import Callable

import msgpack

from pannier import errors

MSGID_COUNT = 1 << 32
RECEIVE_BYTES = 1 << 18
FRAMES_PER_SEND = 64
# [1, msgid, nil, result], with the msgid in the four bytes in which requests send it.
REPLY_START = b"\x94\x01\xce"
HEADER_BYTES = 8
NIL = 0xC0
# No daemon refuses a message for its size that has fewer bytes.
FRAME_BYTES_MAX_LEAST = 1 << 18


class Lost(Exception):
    """The connection ended before the reply; `nothing_sent`: not one byte of the request had been accepted."""

    def __init__(self, text: str, system_error: int, nothing_sent: bool):
        super().__init__(text)
        self.system_error = system_error
        self.nothing_sent = nothing_sent

    def as_error(self) -> errors.ConnectionError:
        return errors.ConnectionError(str(self), not self.nothing_sent, self.system_error)


# What is done with a result that comes when nobody waits for it any more.
IfLate = Callable[["Connection", bytes], None]


class Request:
    """What goes out, and the future of what comes back."""

    __slots__ = ("msgid", "bytes", "unsent", "is_begun", "reply", "if_late")

    def __init__(self, msgid: int, frame: bytes, reply: asyncio.Future[bytes], if_late: IfLate | None = None):
        self.msgid = msgid
        self.bytes = len(frame)
        self.unsent = memoryview(frame)
        self.is_begun = False
        self.reply = reply
        self.if_late = if_late


class Connection:
    def __init__(self, connected: socket.socket, loop: asyncio.AbstractEventLoop, reply_bytes_max: int):
        """Takes over `connected`, which does not block."""
        self._socket = connected
        self._loop = loop
        self._owner_pid = os.getpid()
        self._reply_bytes_max = reply_bytes_max
        self._waiting: dict[int, Request] = {}
        self._outgoing: deque[Request] = deque()
        self._received = bytearray()
        self._scanner = msgpack.Unpacker(max_buffer_size=0)
        self._scanned = 0
        self._waits_for_room = False
        self.is_open = True
        loop.add_reader(connected, self._receive)

    def is_ours(self) -> bool:
        """False in a forked process."""
        return os.getpid() == self._owner_pid

    def send(self, request: Request) -> None:
        """Its future tells the rest."""
        if not self._is_usable():
            request.reply.set_exception(Lost("the connection was closed", 0, nothing_sent=True))
            return
        self._waiting[request.msgid] = request
        self._send_soon(request)

    def notify(self, frame: bytes) -> None:
        """Sends what has no reply. Nothing tells whether it arrived."""
        if self._is_usable():
            self._send_soon(Request(-1, frame, self._loop.create_future()))

    def abandon(self, request: Request) -> None:
        """Nobody waits for the reply any more. What was not begun is not sent."""
        reply = request.reply
        if reply.done() and not reply.cancelled():
            # It came in the same moment.
            if request.if_late is not None and reply.exception() is None:
                request.if_late(self, reply.result())
        elif not request.is_begun and request in self._outgoing:
            self._outgoing.remove(request)
            self._waiting.pop(request.msgid, None)
        elif request.if_late is None:
            self._waiting.pop(request.msgid, None)

    def close(self) -> None:
        self._end("the connection was closed", 0)

    def __del__(self) -> None:
        self._socket.close()

    def _is_usable(self) -> bool:
        if not self.is_ours() or self._loop.is_closed():
            self.close()
        return self.is_open

    def _send_soon(self, request: Request) -> None:
        """At once if nothing else is under way; else with what other tasks send in this pass of the loop."""
        self._outgoing.append(request)
        if len(self._outgoing) > 1:
            return
        if len(self._waiting) <= 1:
            self._send_some()
        else:
            self._loop.call_soon(self._send_some)

    def _send_some(self) -> None:
        try:
            while self._outgoing:
                frames = [request.unsent for request in itertools.islice(self._outgoing, FRAMES_PER_SEND)]
                self._count_sent(self._socket.sendmsg(frames))
        except (BlockingIOError, InterruptedError):
            self._watch_for_room(True)
        except OSError as error:
            # The daemon takes no more; what it has answered may still wait to be read.
            while self.is_open and self._receive():
                pass
            self._end_by(error)
        else:
            self._watch_for_room(False)

    def _count_sent(self, accepted: int) -> None:
        while accepted:
            request = self._outgoing[0]
            request.is_begun = True
            sent, request.unsent = request.unsent[:accepted], request.unsent[accepted:]
            accepted -= len(sent)
            if not request.unsent:
                self._outgoing.popleft()

    def _watch_for_room(self, is_watched: bool) -> None:
        if is_watched and not self._waits_for_room:
            self._loop.add_writer(self._socket, self._send_some)
        if self._waits_for_room and not is_watched:
            self._loop.remove_writer(self._socket)
        self._waits_for_room = is_watched

    def _receive(self) -> bool:
        """Whether there were bytes."""
        try:
            data = self._socket.recv(RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self._end_by(error)
            return False
        if not data:
            self._end("the daemon closed the connection", 0)
            return False
        try:
            self._take(data)
        except (ValueError, msgpack.UnpackException) as error:
            self._end_broken(error)
        return self.is_open

    def _take(self, data: bytes) -> None:
        self._scanner.feed(data)
        self._received += data
        while self.is_open:
            try:
                self._scanner.skip()
            except msgpack.OutOfData:
                if len(self._received) > self._reply_bytes_max:
                    raise ValueError(f"a reply of more than {self._reply_bytes_max} bytes") from None
                return
            end = self._scanner.tell() - self._scanned
            self._scanned += end
            self._take_message(end)
            del self._received[:end]

    def _take_message(self, end: int) -> None:
        header = self._received[:HEADER_BYTES]
        if header.startswith(REPLY_START) and header[-1] == NIL:
            self._settle(int.from_bytes(header[3:7], "big"), self._copy(HEADER_BYTES, end))
        else:
            self._take_other(self._copy(0, end))

    def _copy(self, start: int, end: int) -> bytes:
        with memoryview(self._received) as view:
            return bytes(view[start:end])

    def _take_other(self, message: bytes) -> None:
        """An error, or a result whose msgid is encoded in another way."""
        unpacker = msgpack.Unpacker(max_buffer_size=0, strict_map_key=False, unicode_errors="replace")
        unpacker.feed(message)
        if unpacker.read_array_header() != 4 or unpacker.unpack() != 1:
            raise ValueError("a message that is no response")
        msgid, error = unpacker.unpack(), unpacker.unpack()
        if error is None:
            self._settle(msgid, message[unpacker.tell() :])
        else:
            self._settle_failed(msgid, str(error))

    def _settle(self, msgid: int, result: bytes) -> None:
        request = self._waiting.pop(msgid, None)
        if request is None:
            return
        if not request.reply.done():
            request.reply.set_result(result)
        elif request.if_late is not None:
            request.if_late(self, result)

    def _settle_failed(self, msgid: int | None, text: str) -> None:
        if msgid is None:
            # The daemon could not tell which request it is about, and closes: it concerns all of them.
            self._fail_waiting(lambda request: errors.server_error(text))
            self._end(text, 0)
            return
        request = self._waiting.pop(msgid, None)
        if request is None:
            return
        error = errors.server_error(text)
        if not request.reply.done():
            request.reply.set_exception(error)
        if self._may_be_ended_by(request, error):
            self._end(text, 0)

    def _may_be_ended_by(self, refused: Request, error: errors.ServerError) -> bool:
        """Whether the daemon may take no more requests here, which would show too late for the next one. A connection on
        which others wait is left to end by itself, and so is one whose request was small: leases would end with it."""
        if refused.is_begun and refused.unsent:
            return True
        is_awaited = any(request.is_begun for request in self._waiting.values())
        is_about_size = isinstance(error, (errors.BadRequest, errors.TooLarge)) and refused.bytes >= FRAME_BYTES_MAX_LEAST
        return is_about_size and not is_awaited

    def _fail_waiting(self, error_of: Callable[[Request], Exception]) -> None:
        for request in self._waiting.values():
            if not request.reply.done():
                request.reply.set_exception(error_of(request))
        self._waiting.clear()

    def _end_broken(self, reason: Exception) -> None:
        text = f"the daemon does not keep to the protocol: {str(reason) or type(reason).__name__}"
        self._fail_waiting(lambda request: errors.ProtocolError(text, True))
        self._end(text, 0)

    def _end_by(self, error: OSError) -> None:
        number = error.errno or errno.EPIPE
        self._end(f"the connection ended: {os.strerror(number)}", number)

    def _end(self, text: str, system_error: int) -> None:
        if not self.is_open:
            return
        self.is_open = False
        if self.is_ours() and not self._loop.is_closed():
            self._watch_for_room(False)
            self._loop.remove_reader(self._socket)
            self._fail_waiting(lambda request: Lost(text, system_error, not request.is_begun))
        self._waiting.clear()
        self._outgoing.clear()
        self._socket.close()
