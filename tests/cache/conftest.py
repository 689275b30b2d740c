"""The stores that the contract is tested with."""

from collections.abc import AsyncIterator

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251

from imapproxy.cache.memory_store import MemoryStore
from imapproxy.cache.sqlite.store import open_store
from imapproxy.cache.store import Store
from tests.deadline import SECONDS
from tests.logged_errors import logged_errors

__all__ = ["logged_errors"]


@pytest.fixture(params=["memory", "sqlite"])
def open_any(request, tmp_path):
    """Opens a store of each kind; what is kept is at most ``max_octets``."""

    def open_any(**limits) -> Store:
        if request.param == "memory":
            return MemoryStore(reactor, **limits)
        return open_store(reactor, tmp_path / "cache", **limits)

    return open_any


@pytest_twisted.async_yield_fixture
async def store(open_any) -> AsyncIterator[Store]:
    store = open_any()
    yield store
    await store.close().addTimeout(SECONDS, reactor)
