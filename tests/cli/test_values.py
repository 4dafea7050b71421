"""Values in and out: text, JSON, raw bytes, files and standard input."""

import json

import msgpack


def test_text_comes_back_as_text(cli):
    assert cli.ok("put", "lru", "greeting", "hello") == b""
    assert cli.ok("get", "lru", "greeting") == b"hello\n"


def test_text_is_stored_as_str_and_other_bytes_as_bin(cli):
    cli.ok("put", "lru", "text", input="ä\n".encode())
    assert cli.ok("get", "lru", "text", "--raw") == msgpack.packb("ä\n")
    cli.ok("put", "lru", "bytes", input=b"\xff\x00")
    assert cli.ok("get", "lru", "bytes", "--raw") == msgpack.packb(b"\xff\x00")
    cli.ok("put", "lru", "bin", "text", "--bin")
    assert cli.ok("get", "lru", "bin", "--raw") == msgpack.packb(b"text")


def test_json_goes_in_and_out(cli):
    value = {"name": "Ada", "tags": ["a", None, True, 1.5, -7]}
    cli.ok("put", "lru", "k", json.dumps(value), "--json-value")
    assert cli.ok("get", "lru", "k", "--raw") == msgpack.packb(value)
    assert json.loads(cli.ok("get", "lru", "k")) == value


def test_what_json_lacks_is_printed_readably(cli):
    cli.ok("put", "lru", "k", "--raw", input=msgpack.packb([b"\x00\x01", msgpack.ExtType(5, b"\x01"), {1: 2}]))
    printed = cli.ok("get", "lru", "k")
    assert json.loads(printed) == [{"$bin": "AAE="}, {"$ext": [5, "AQ=="]}, {"$map": [[1, 2]]}]
    cli.ok("put", "lru", "copy", "--json-value", input=printed)
    assert cli.ok("get", "lru", "copy", "--raw") == cli.ok("get", "lru", "k", "--raw")


def test_raw_value_comes_back_byte_for_byte(cli):
    nine_byte_one = b"\xd3\x00\x00\x00\x00\x00\x00\x00\x01"
    cli.ok("put", "lru", "k", "--raw", input=nine_byte_one)
    assert cli.ok("get", "lru", "k", "--raw") == nine_byte_one
    assert cli.ok("get", "lru", "k") == b"1\n"


def test_file_comes_back_byte_for_byte(cli, tmp_path):
    content = bytes(range(256)) * 1000
    (tmp_path / "file").write_bytes(content)
    cli.ok("put", "lru", "k", "--bin", "--file", str(tmp_path / "file"))
    assert cli.ok("get", "lru", "k", "--bytes") == content
    cli.ok("put", "lru", "k", "--file", "-", input=b"text without newline")
    assert cli.ok("get", "lru", "k", "--bytes") == b"text without newline"


def test_empty_value_is_a_value(cli):
    cli.ok("put", "lru", "k", "")
    assert cli.ok("get", "lru", "k") == b"\n"


def test_value_may_begin_with_a_dash_after_two(cli):
    cli.ok("put", "lru", "k", "--", "--text")
    assert cli.ok("get", "lru", "k") == b"--text\n"


def test_get_as_json_tells_hit_version_and_time(cli):
    version = json.loads(cli.ok("put", "lru", "k", "7", "--json-value", "--ttl", "1h", "--json"))["version"]
    assert json.loads(cli.ok("get", "lru", "k", "--json")) == {"hit": True, "value": 7}
    meta = json.loads(cli.ok("get", "lru", "k", "--meta", "--json"))
    assert meta["version"] == version
    assert 3_500_000 < meta["ttl_ms"] <= 3_600_000
    assert json.loads(cli("get", "lru", "none", "--json").stdout) == {"hit": False}


def test_meta_is_a_line_before_the_value(cli):
    version = json.loads(cli.ok("put", "lru", "k", "text", "--json"))["version"]
    assert cli.ok("get", "lru", "k", "--meta") == b"version %d, does not expire\ntext\n" % version


def test_value_that_cannot_be_read_is_told(cli, tmp_path):
    for arguments, input, code, said in [
        (["--json-value", "{"], b"", 2, b"no JSON"),
        (["--raw"], b"\x01\x02", 2, b"not exactly one MessagePack object"),
        (["--raw"], b"", 2, b"not exactly one MessagePack object"),
        (["--file", str(tmp_path / "none")], b"", 5, b"No such file"),
        (["value", "--file", "x"], b"", 2, b"--file"),
        (["--raw", "--bin"], b"", 2, b"--bin"),
    ]:
        done = cli("put", "lru", "k", *arguments, input=input)
        assert done.returncode == code, done
        assert said in done.stderr
    assert cli("get", "lru", "k").returncode == 1


def test_bytes_of_a_number_are_refused(cli):
    cli.ok("put", "lru", "k", "1", "--json-value")
    done = cli("get", "lru", "k", "--bytes")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--bytes prints a str or a bin, but the value is integer 1" in done.stderr
