"""The pytest plugin: ``imap_server`` and ``imap_account`` for any test that asks for them.

pytest loads this module in every run of everyone who has the package installed, so it imports
nothing but pytest. What it starts lives in a thread with a reactor of its own; the global one, if
the tests have any use for that, stays theirs.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from fakeserver.threaded import ThreadedAccount, ThreadedServer
    from fakeserver.threaded_replay import ThreadedReplay

_MARKER = (
    "imap_server(user='demo', password='pw', empty=True, **options): the server that the fixture"
    " imap_server is in this test; options are those of fakeserver.server.FakeServer."
)


class Servers:
    """The servers of a test run, one for each set of options that was asked for."""

    def __init__(self) -> None:
        self._running: dict[str, ThreadedServer] = {}

    def get(self, options: dict[str, Any]) -> "ThreadedServer":
        """A server with these options, as new."""
        from fakeserver.threaded import ThreadedServer  # noqa: PLC0415 - costs nothing until used

        key = repr(sorted(options.items()))
        server = self._running.get(key)
        if server is None:
            server = ThreadedServer(**options)
            server.start()
            self._running[key] = server
        return server

    def stop(self) -> None:
        """Stop them all."""
        while self._running:
            self._running.popitem()[1].stop()


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def imap_servers() -> Iterator[Servers]:
    """The servers that tests of this run have asked for; they end with it."""
    servers = Servers()
    yield servers
    servers.stop()


@pytest.fixture
def imap_server(
    request: pytest.FixtureRequest, imap_servers: Servers
) -> "Iterator[ThreadedServer]":
    """An IMAP server with one account and an empty INBOX: :class:`ThreadedServer`.

    It runs for the whole session and is set back to what it was behind each test. The marker
    ``imap_server`` asks for another kind of server.
    """
    marker = request.node.get_closest_marker("imap_server")
    server = imap_servers.get({} if marker is None else marker.kwargs)
    yield server
    server.reset()


@pytest.fixture
def imap_account(imap_server: "ThreadedServer") -> "ThreadedAccount":
    """An account of its own on ``imap_server``, ``test`` with password ``secret``."""
    return imap_server.add_account("test", "secret")


@pytest.fixture
def imap_replay() -> "Iterator[Callable[[Path | str], ThreadedReplay]]":
    """Play a recorded conversation: ``server = imap_replay(path_or_text)``.

    The test fails if a client says something else than the conversation has.
    """
    from fakeserver.threaded_replay import ThreadedReplay  # noqa: PLC0415

    with contextlib.ExitStack() as stack:
        servers: list[ThreadedReplay] = []

        def play(conversation: "Path | str") -> ThreadedReplay:
            servers.append(stack.enter_context(ThreadedReplay(conversation)))
            return servers[-1]

        yield play
        mismatches = [one for server in servers for one in server.mismatches]
        if mismatches:
            pytest.fail("; ".join(mismatches), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Show with a test that failed what was said to the server."""
    report = yield
    server = getattr(item, "funcargs", {}).get("imap_server")
    if server is not None and report.when == "call" and report.failed:
        report.sections.append(("IMAP transcript", server.transcript()))
    return report
