"""CPython's own tests over Pannier's drop-ins: each passes, or stands in the table with the reason why it cannot apply.

Not run are the tests of test_shelve for a second and third dbm module, which are those for the first again: a shelf of
Pannier's has none.
"""

import warnings

import cpython_suites as suites
import pytest

import pannier

AS_EXPIRINGDICT = "ExpiringDict keeps to the package expiringdict, which fails this test in the same way: "
POP = AS_EXPIRINGDICT + "its pop answers None where a dict's raises KeyError"
POPITEM = AS_EXPIRINGDICT + "its popitem takes an argument, as that of an OrderedDict"

HASHED_ONLY = "a call with an argument that only this process knows stays here, where maxsize bounds it by itself"

NOT_FOR_PANNIER = {
    "LruCacheTests.test_lru_hash_only_once": HASHED_ONLY,
    "NamedLruCacheTests.test_lru_hash_only_once": HASHED_ONLY,
    "PrivateDictTests.test_pop": POP,
    "PrivateDictTests.test_write": POP,
    "PrivateDictTests.test_popitem": POPITEM,
    "PrivateDictTests.test_constructor": AS_EXPIRINGDICT + "its arguments are a length and an age, not entries",
    "PrivateDictTests.test_fromkeys": AS_EXPIRINGDICT + "its fromkeys is refused",
    "PrivateDictTests.test_repr": AS_EXPIRINGDICT + "it prints as an OrderedDict does",
    "NamedDictTests.test_pop": POP,
    "NamedDictTests.test_write": POP,
    "NamedDictTests.test_popitem": POPITEM,
}


@pytest.fixture(scope="module")
def daemon(daemon_in_memory):
    """Hundreds of shelves are opened and closed, each of which waits for the disk."""
    return daemon_in_memory


@pytest.fixture(autouse=True)
def surroundings(process_daemon, tmp_path, monkeypatch):
    """The suites make files where they stand, and many functions that other processes could not know."""
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pannier.UnsharedWarning)
        yield


def listed_for(case):
    return {name.partition(".")[2] for name in NOT_FOR_PANNIER if name.startswith(case.__name__ + ".")}


def failures(outcome, count_min):
    assert outcome.count >= count_min, "this is not the suite of CPython 3.11"
    assert not outcome.left_out
    return outcome.failed


@pytest.mark.parametrize("case", [suites.LruCacheTests, suites.NamedLruCacheTests])
def test_lru_cache_passes_cpythons_tests_of_it_but_for_those_listed(case):
    assert failures(suites.run_class(case), count_min=27).keys() == listed_for(case)


def test_shelves_pass_cpythons_tests_of_them():
    with suites.shelves_in_the_daemon():
        assert not failures(suites.run(suites.shelf_tests()), count_min=180)


@pytest.mark.parametrize(
    ("case", "count_min"), [(suites.PrivateDictTests, 22), (suites.NamedDictTests, 14), (suites.DurableCacheTests, 14)]
)
def test_mappings_pass_cpythons_tests_of_them_but_for_those_listed(case, count_min):
    assert failures(suites.run_class(case), count_min).keys() == listed_for(case)


def test_what_is_listed_fails_for_the_package_expiringdict_too():
    listed = listed_for(suites.PrivateDictTests) | listed_for(suites.NamedDictTests)
    assert listed <= suites.run_class(suites.JudgeDictTests).failed.keys()
