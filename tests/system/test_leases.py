"""`lease` and `release`: one computes, the others wait."""

import pytest

from clock import CLOCK_STEP_MS, now_ms, sleep_ms

TIERS = {"lru": {}, "ttl": {"max_age_ms": 600_000}, "durable": {}}
LONG = {"lease_ms": 600_000, "wait_ms": 600_000}


@pytest.fixture(params=TIERS)
def cache(request, open_cache):
    return open_cache(request.param, **TIERS[request.param])


@pytest.fixture
def queue(connect, cache):
    """queue(n): n connections that wait for the lease of `k`, in this order; returns [(wire, msgid)]."""

    def wait_in_line(count, **options):
        waiters = []
        for _ in range(count):
            wire = connect()
            waiters.append((wire, wire.request("lease", cache, "k", {**LONG, **options})))
            wire.call("ping")
        return waiters

    return wait_in_line


def is_token(answer):
    return isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer < 2**53


def test_a_lease_of_what_is_there_answers_the_value(wire, cache):
    wire.call("put", cache, "k", "value")
    assert wire.call("lease", cache, "k") == ["value"]


def test_a_lease_of_what_is_absent_grants_a_token(wire, cache):
    assert is_token(wire.call("lease", cache, "k"))


def test_leases_of_different_keys_are_independent(wire, cache):
    tokens = [wire.call("lease", cache, f"k{i}", {"wait_ms": 0}) for i in range(50)]
    assert all(map(is_token, tokens)) and len(set(tokens)) == 50


def test_one_computes_and_everyone_else_gets_its_value(connect, cache, queue):
    holder = connect()
    token = holder.call("lease", cache, "k", LONG)
    waiters = queue(5)
    assert holder.call("put", cache, "k", "computed", {"lease": token}) > 0
    assert [wire.result(msgid) for wire, msgid in waiters] == [["computed"]] * 5


def test_any_write_answers_the_waiters(connect, cache, queue):
    writes = [("put", "k", 5), ("put_many", [["k", 5]]), ("increment", "k", 5), ("put", "k", 5, {"if": "absent"})]
    for method, *params in writes:
        holder = connect()
        assert is_token(holder.call("lease", cache, "k", LONG))
        (wire, msgid), = queue(1)
        connect().call(method, cache, *params)
        assert wire.result(msgid) == [5], method
        holder.call("delete", cache, "k")


def test_any_other_write_ends_the_lease(connect, cache):
    holder, other = connect(), connect()
    token = holder.call("lease", cache, "k", LONG)
    version = other.call("put", cache, "k", "other")
    assert holder.call("put", cache, "k", "too late", {"lease": token}) is None
    assert holder.call("release", cache, "k", token) is False
    assert other.call("get", cache, "k", {"meta": True})[:2] == ["other", version]


def test_a_delete_ends_the_lease_and_one_waiter_gets_a_token(connect, cache, queue):
    holder = connect()
    token = holder.call("lease", cache, "k", LONG)
    first, second = queue(2)
    assert connect().call("delete", cache, "k") is False
    answer = first[0].result(first[1])
    assert is_token(answer) and answer != token
    assert second[0].pending(second[1], 0.05)
    assert holder.call("put", cache, "k", "too late", {"lease": token}) is None
    assert first[0].call("put", cache, "k", "second try", {"lease": answer}) > 0
    assert second[0].result(second[1]) == ["second try"]


def test_delete_many_ends_a_lease_too(connect, cache):
    holder = connect()
    token = holder.call("lease", cache, "k", LONG)
    connect().call("delete_many", cache, ["k", "other"])
    assert holder.call("put", cache, "k", 1, {"lease": token}) is None


def test_a_put_with_the_token_ends_the_lease(connect, cache):
    holder = connect()
    token = holder.call("lease", cache, "k", LONG)
    assert holder.call("put", cache, "k", 1, {"lease": token}) > 0
    assert holder.call("put", cache, "k", 2, {"lease": token}) is None
    assert holder.call("get", cache, "k") == [1]


def test_release_tells_whether_it_was_the_keys_lease(wire, cache):
    token = wire.call("lease", cache, "k", LONG)
    assert wire.call("release", cache, "k", token + 1) is False
    assert wire.call("release", cache, "other", token) is False
    assert wire.call("release", cache, "k", token) is True
    assert wire.call("release", cache, "k", token) is False


def test_release_gives_the_token_to_the_next_waiter_only(connect, cache, queue):
    holder = connect()
    token = holder.call("lease", cache, "k", LONG)
    first, second, third = queue(3)
    holder.call("release", cache, "k", token)
    answer = first[0].result(first[1])
    assert is_token(answer) and answer != token
    assert second[0].pending(second[1], 0.05) and third[0].pending(third[1], 0.05)
    first[0].call("release", cache, "k", answer)
    assert is_token(second[0].result(second[1]))
    assert third[0].pending(third[1], 0.05)


def test_the_disconnect_of_the_holder_gives_the_token_to_one_waiter(connect, cache, queue):
    holder = connect()
    holder.call("lease", cache, "k", LONG)
    first, second = queue(2)
    holder.close()
    assert is_token(first[0].result(first[1]))
    assert second[0].pending(second[1], 0.05)


def test_all_leases_of_a_connection_end_with_it(connect, cache):
    holder, waiter = connect(), connect()
    for i in range(20):
        holder.call("lease", cache, f"k{i}", LONG)
    ids = waiter.pipeline(*[("lease", cache, f"k{i}", LONG) for i in range(20)])
    waiter.call("ping")
    holder.close()
    assert all(map(is_token, waiter.results(ids)))


def test_a_lease_ends_by_time_and_one_waiter_gets_a_token(connect, cache, queue):
    holder = connect()
    asked_ms = now_ms()
    token = holder.call("lease", cache, "k", {"lease_ms": 300})
    first, second = queue(2)
    answer = first[0].result(first[1])
    assert now_ms() - asked_ms >= 300 - CLOCK_STEP_MS
    assert is_token(answer) and answer != token
    assert second[0].pending(second[1], 0.05)
    assert holder.call("put", cache, "k", "too late", {"lease": token}) is None


def test_a_lease_that_ended_by_time_without_waiters_is_free(wire, cache):
    token = wire.call("lease", cache, "k", {"lease_ms": 1})
    sleep_ms(50)
    assert wire.call("put", cache, "k", 1, {"lease": token}) is None
    assert is_token(wire.call("lease", cache, "k", {"wait_ms": 60_000}))


def test_a_wait_ends_after_wait_ms_with_nil(connect, cache):
    holder, waiter = connect(), connect()
    holder.call("lease", cache, "k", LONG)
    asked_ms = now_ms()
    assert waiter.call("lease", cache, "k", {"wait_ms": 150}) is None
    assert now_ms() - asked_ms >= 150 - CLOCK_STEP_MS


def test_wait_ms_0_answers_nil_at_once(connect, cache):
    holder, waiter = connect(), connect()
    holder.call("lease", cache, "k", LONG)
    ids = waiter.pipeline(("lease", cache, "k", {"wait_ms": 0}), ("ping",))
    assert waiter.results(ids) == [None, "pong"]
    assert waiter.reply_order == ids


def test_wait_ms_is_lease_ms_unless_given(connect, cache):
    holder, waiter = connect(), connect()
    holder.call("lease", cache, "k", LONG)
    asked_ms = now_ms()
    assert waiter.call("lease", cache, "k", {"lease_ms": 150}) is None
    assert now_ms() - asked_ms >= 150 - CLOCK_STEP_MS


def test_a_wait_that_ended_does_not_get_the_token_later(connect, cache):
    holder, waiter, other = connect(), connect(), connect()
    token = holder.call("lease", cache, "k", LONG)
    assert waiter.call("lease", cache, "k", {"wait_ms": 1}) is None
    holder.call("release", cache, "k", token)
    assert waiter.is_silent(0.1)
    assert is_token(other.call("lease", cache, "k", {"wait_ms": 0}))


def test_a_waiter_that_left_does_not_get_the_token(connect, cache, queue):
    holder = connect()
    token = holder.call("lease", cache, "k", LONG)
    left, stayed = queue(2)
    left[0].close()
    holder.call("ping")
    holder.call("release", cache, "k", token)
    # Whether the daemon had noticed or not: the token reaches who is there.
    assert is_token(stayed[0].result(stayed[1]))


def test_a_second_lease_by_the_holder_waits_like_anyones(connect, cache):
    holder = connect()
    token = holder.call("lease", cache, "k", LONG)
    again = holder.request("lease", cache, "k", LONG)
    assert holder.pending(again, 0.05)
    assert holder.call("lease", cache, "k", {"wait_ms": 0}) is None
    holder.call("put", cache, "k", 1, {"lease": token})
    assert holder.result(again) == [1]


def test_a_token_may_be_used_from_any_connection(connect, cache):
    holder, other = connect(), connect()
    token = holder.call("lease", cache, "k", LONG)
    assert other.call("put", cache, "k", 1, {"lease": token}) > 0
    token = holder.call("lease", cache, "j", LONG)
    assert other.call("release", cache, "j", token) is True


def test_a_token_dies_with_the_connection_it_was_granted_on(connect, cache):
    holder, other = connect(), connect()
    token = holder.call("lease", cache, "k", LONG)
    holder.finish_sending()
    holder.read_to_end()
    assert other.call("put", cache, "k", 1, {"lease": token}) is None


def test_a_token_is_good_for_its_key_only(wire, cache):
    token = wire.call("lease", cache, "k", LONG)
    assert wire.call("put", cache, "other", 1, {"lease": token}) is None
    assert wire.call("get", cache, "other") is None
    assert wire.call("put", cache, "k", 1, {"lease": token}) > 0


def test_tokens_are_never_used_twice(wire, cache):
    tokens = []
    for _ in range(100):
        tokens.append(wire.call("lease", cache, "k"))
        assert wire.call("release", cache, "k", tokens[-1]) is True
    assert len(set(tokens)) == 100


def test_a_put_with_a_token_whose_condition_fails_leaves_the_lease(connect, cache):
    holder, waiter = connect(), connect()
    token = holder.call("lease", cache, "k", LONG)
    waiting = waiter.request("lease", cache, "k", LONG)
    waiter.call("ping")
    assert holder.call("put", cache, "k", 1, {"lease": token, "if": "present"}) is None
    assert waiter.pending(waiting, 0.05)
    assert holder.call("put", cache, "k", 2, {"lease": token}) > 0
    assert waiter.result(waiting) == [2]


def test_a_failed_condition_of_another_leaves_the_lease(connect, cache):
    holder, other = connect(), connect()
    token = holder.call("lease", cache, "k", LONG)
    assert other.call("put", cache, "k", 1, {"if": "present"}) is None
    assert other.call("delete", cache, "k", {"if": 5}) is False
    assert other.call("touch", cache, "k") is False
    assert holder.call("put", cache, "k", 2, {"lease": token}) > 0


def test_a_put_with_the_token_of_a_value_already_past_its_deadline_passes_the_token_on(connect, cache, queue):
    holder = connect()
    token = holder.call("lease", cache, "k", LONG)
    first, second = queue(2)
    assert holder.call("put", cache, "k", "dead", {"lease": token, "ttl_ms": 0}) > 0
    answer = first[0].result(first[1])
    assert is_token(answer) and answer != token
    assert second[0].pending(second[1], 0.05)


@pytest.mark.parametrize("end", [("clear",), ("clear", {"prefix": "k"})], ids=str)
def test_clear_ends_leases_of_its_keys(connect, cache, end):
    holder = connect()
    token = holder.call("lease", cache, "k", LONG)
    method, *params = end
    holder.call(method, cache, *params)
    assert holder.call("put", cache, "k", 1, {"lease": token}) is None


def test_clear_of_another_prefix_leaves_the_lease(wire, cache):
    token = wire.call("lease", cache, "k", LONG)
    wire.call("clear", cache, {"prefix": "other"})
    assert wire.call("put", cache, "k", 1, {"lease": token}) > 0


def test_a_lease_does_not_outlive_drop_and_open(wire, open_cache):
    cache = open_cache()
    token = wire.call("lease", cache, "k", LONG)
    wire.call("drop", cache)
    wire.call("open", cache, {"tier": "lru"})
    assert wire.call("put", cache, "k", 1, {"lease": token}) is None
    assert wire.call("release", cache, "k", token) is False


def test_a_durable_value_can_be_put_with_token_and_sync(connect, open_cache):
    cache, holder, waiter = open_cache("durable"), connect(), connect()
    token = holder.call("lease", cache, "k", LONG)
    waiting = waiter.request("lease", cache, "k", LONG)
    waiter.call("ping")
    assert holder.call("put", cache, "k", 1, {"lease": token, "sync": True}) > 0
    assert waiter.result(waiting) == [1]
    assert holder.call("put", cache, "k", 2, {"lease": token, "sync": True}) is None


def test_get_neither_waits_for_a_lease_nor_ends_it(connect, cache):
    holder, other = connect(), connect()
    token = holder.call("lease", cache, "k", LONG)
    assert other.call("get", cache, "k") is None
    assert other.call("get_many", cache, ["k"]) == [None]
    assert holder.call("put", cache, "k", 1, {"lease": token}) > 0


def test_of_ten_that_miss_at_once_exactly_one_computes(connect, cache):
    wires = [connect() for _ in range(10)]
    ids = [wire.request("lease", cache, "k", LONG) for wire in wires]
    for wire in wires:
        wire.call("ping")
    holders = [wire for wire, msgid in zip(wires, ids) if msgid in wire.replies]
    assert len(holders) == 1
    token = holders[0].result(ids[wires.index(holders[0])])
    holders[0].call("put", cache, "k", "once", {"lease": token})
    others = [(wire, msgid) for wire, msgid in zip(wires, ids) if wire is not holders[0]]
    assert [wire.result(msgid) for wire, msgid in others] == [["once"]] * 9


def test_lease_ms_up_to_the_limit_is_taken(wire, cache):
    longest = wire.call("hello")["limits"]["lease_ms_max"]
    assert is_token(wire.call("lease", cache, "k", {"lease_ms": longest}))
