"""CPython's own tests, from Debian's package libpython3.11-testsuite, over Pannier's drop-ins: a thin adapter.

The installed modules are imported as they are; what they test is looked up in them under a name, and there stands
Pannier's.
"""

import contextlib
import functools
import itertools
import types
import unittest
from test import mapping_tests, test_functools, test_shelve
from typing import NamedTuple
from unittest import mock

import expiringdict

import pannier
from pannier.shelf_entries import ShelfEntries

numbers = itertools.count(1)


def fresh_name():
    return f"suite-{next(numbers)}"


def functools_with(lru_cache):
    """The module functools, with another lru_cache."""
    names = vars(functools) | {"lru_cache": lru_cache}
    return types.SimpleNamespace(**names)


def named_lru_cache(maxsize=128, typed=False):
    """Every function gets a cache of the daemon, whatever it closes over."""
    if callable(maxsize):
        return pannier.lru_cache(name=fresh_name())(maxsize)
    return pannier.lru_cache(maxsize, typed, name=fresh_name())


@pannier.lru_cache()
def cached_function(x, y):
    return 3 * x + y


class LruCacheTests(test_functools.TestLRU, unittest.TestCase):
    """With the names that functions get by themselves."""

    module = functools_with(pannier.lru_cache)
    cached_func = (cached_function,)

    @pannier.lru_cache()
    def cached_meth(self, x, y):
        return 3 * x + y

    @staticmethod
    @pannier.lru_cache()
    def cached_staticmeth(x, y):
        return 3 * x + y


class NamedLruCacheTests(LruCacheTests):
    module = functools_with(named_lru_cache)
    cached_meth = LruCacheTests.cached_meth
    cached_staticmeth = staticmethod(LruCacheTests.cached_staticmeth)


class PrivateDictTests(mapping_tests.TestHashMappingProtocol):
    type2test = pannier.ExpiringDict

    def _empty_mapping(self):
        return self.type2test(max_len=10_000, max_age_seconds=60)


class NamedDictTests(mapping_tests.BasicTestMappingProtocol):
    type2test = pannier.ExpiringDict

    def _empty_mapping(self):
        return self.type2test(max_len=10_000, max_age_seconds=60, name=fresh_name())


class JudgeDictTests(PrivateDictTests):
    """The package expiringdict itself: it says which mapping tests are none for such a dictionary."""

    type2test = expiringdict.ExpiringDict


class DurableCacheTests(mapping_tests.BasicTestMappingProtocol):
    """With the serializer that test_shelve does not ask for, and with write-back."""

    type2test = pannier.DurableCache

    def _empty_mapping(self):
        return self.type2test(fresh_name())


def shelf_tests():
    """All of test_shelve, but those that are there once more for each dbm module: a shelf of Pannier's has none."""
    loader = unittest.TestLoader()
    classes = [case for case in vars(test_shelve).values() if isinstance(case, type)]
    cases = [case for case in classes if issubclass(case, unittest.TestCase)]
    chosen = [case for case in cases if "File_" not in case.__name__ or case.__name__.endswith("File_dumbShelve")]
    return unittest.TestSuite(map(loader.loadTestsFromTestCase, chosen))


@contextlib.contextmanager
def shelves_in_the_daemon():
    """test_shelve's shelves and the mappings below them are the daemon's, and new, as files in a new directory are."""
    shelves = types.SimpleNamespace(
        Shelf=pannier.shelf.Shelf, open=lambda filename, **options: pannier.shelf.open(filename, "n", **options)
    )
    with (
        mock.patch.object(test_shelve, "shelve", shelves),
        mock.patch.object(test_shelve, "byteskeydict", lambda: ShelfEntries(fresh_name(), "n")),
    ):
        yield


class Outcome(NamedTuple):
    count: int
    #: Why, by the test's name.
    failed: dict
    left_out: list


def run(suite):
    result = unittest.TestResult()
    suite.run(result)
    failed = {method_of(test): text for test, text in result.failures + result.errors}
    return Outcome(result.testsRun, failed, [method_of(test) for test, _ in result.skipped])


def run_class(case):
    return run(unittest.TestLoader().loadTestsFromTestCase(case))


def method_of(test):
    return getattr(test, "test_case", test)._testMethodName  # a subtest has its test case
