"""A fake server, a cache, and runs that fill the one from the other, on real sockets."""

from itertools import count
from pathlib import Path
from typing import Any

from twisted.internet import reactor  # noqa: TID251

from fakeserver.server import FakeServer
from imapproxy.cache.sqlite.keeper import open_keeper
from imapproxy.cache.sqlite.store import open_store
from imapproxy.cache_commands.refusals import Patience
from imapproxy.cache_commands.wanted import Wishes
from imapproxy.cache_commands.warming import Report, Room, Warming, account_of
from imapproxy.upstream.address import parse_address
from imapproxy.upstream.dial import Upstream
from imapproxy.upstream.tls import UpstreamTls, load_ca_file

LARGE = 64 * 1024 * 1024


class Told(Report):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.mailboxes: dict[str, int] = {}
        self.held_in_all = self.octets = 0
        self.notes: list[str] = []

    def mailbox(self, name: str, messages: int) -> None:
        self.mailboxes[name] = messages

    def held(self, messages: int) -> None:
        self.held_in_all += messages

    def came(self, octets: int) -> None:
        self.octets += octets

    def note(self, text: str) -> None:
        self.notes.append(text)


class WarmHouse:
    """``server`` has the account ann with the password pw; ``told`` is of the last run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "cache"
        self.server = FakeServer(reactor)
        self.told = Told()
        self._subjects = count(1)  # no two messages are the same

    async def start(self, **server: Any) -> None:
        self.server = FakeServer(reactor, **server)
        self.server.add_account("ann", "pw", empty=True)
        await self.server.start()

    def upstream(self) -> Upstream:
        address = parse_address(f"imaps://localhost:{self.server.tls_port}")
        return Upstream(address, UpstreamTls("localhost", load_ca_file(self.server.ca_file)))

    def deliver(self, how_many: int, mailbox: str = "INBOX", size: int = 500) -> list[bytes]:
        messages = [
            b"Subject: %d\r\nFrom: a@example.org\r\n\r\n%b\r\n"
            % (next(self._subjects), b"x" * size)
            for _ in range(how_many)
        ]
        for message in messages:
            self.server.deliver(message, mailbox)
        return messages

    async def warm(
        self,
        *mailboxes: str,
        newest: int | None = None,
        headers_only: bool = False,
        rate: float | None = None,
        limit: int = LARGE,
        password: str = "pw",
        patience: Patience | None = None,
        upstream: Upstream | None = None,
        max_waiting: int = LARGE,
    ) -> Warming:
        """One run; what the server was told before is forgotten."""
        self.server.transcript.clear()
        self.told = Told()
        upstream = self.upstream() if upstream is None else upstream
        store = open_store(reactor, self.directory, max_octets=limit, max_waiting=max_waiting)
        keeper = open_keeper(self.directory)
        try:
            warming = Warming(
                reactor,
                account_of(upstream, "ann", password, rate),
                store,
                Room(limit, keeper.octets_in_use),
                Wishes(mailboxes, newest, headers_only),
                self.told,
                patience or Patience(first=0.001),
            )
            await warming.run()
        finally:
            keeper.close()
            await store.close()
        return warming

    def fetched(self, what: str) -> list[bytes]:
        """The sets of which the server was asked for exactly this, less how programs would ask."""
        lines = [command.octets for command in self.server.commands("UID FETCH")]
        wanted = f"(UID {what})\r\n".encode()
        return [line.split(b" ")[3] for line in lines if line.endswith(wanted)]

    def bodies(self, name: str = "INBOX") -> dict[int, bytes]:
        """What is held whole of a mailbox."""
        keeper = open_keeper(self.directory)
        try:
            return {
                message.uid: b"".join(message.pieces)
                for holding in keeper.holdings()
                if holding.mailbox.name == name.encode()
                for message in keeper.messages(holding.mailbox)
            }
        finally:
            keeper.close()

    async def stop(self) -> None:
        await self.server.stop()
