"""Requests as bytes, in the form that the daemon's hot path takes and in others, which it leaves to the handlers."""

from wire import encode


def hot(method, *params):
    return lambda msgid: encode([0, msgid, method, list(params)])


def written_otherwise(method, *params):
    """The same request in a longer encoding, which is not executed by the hot path."""

    def request(msgid):
        return b"\xdc\x00\x04\x00" + encode(msgid) + encode(method) + b"\xdc" + len(params).to_bytes(2, "big") + b"".join(
            encode(each) for each in params
        )

    return request


def with_options(method, *params):
    return hot(method, *params, {})
