"""Caches in both modes of freshness."""

import pytest

from tests.relay.cached import Cached


@pytest.fixture
def live() -> Cached:
    return Cached()


@pytest.fixture
def exact() -> Cached:
    return Cached(exact=True)
