"""The fake server for programs that block: it runs in a thread, and is spoken to from any other.

    with ThreadedServer() as server:
        server.deliver("Subject: hello\\n\\nworld\\n")
        with imaplib.IMAP4(server.host, server.port) as client:
            client.login(server.user, server.password)

Every method returns when what it does is done, so nothing has to be waited for. Flags and names are
text here; messages are octets.
"""

import datetime
import email.message
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from fakeserver.certificates import Kind
from fakeserver.faults import Action
from fakeserver.mail.source import octets_of
from fakeserver.reactor_thread import ReactorThread, reactor_thread
from fakeserver.server import FakeServer
from fakeserver.snapshot import Snapshot
from fakeserver.store.mailbox import Mailbox, StoredMessage
from fakeserver.transcript import CommandRecord
from imapproxy.wire.mailbox import decode_mailbox, encode_mailbox

T = TypeVar("T")
Source = bytes | str | email.message.Message


@dataclass(frozen=True)
class Mail:
    """A message as it is in a mailbox at one moment."""

    uid: int
    flags: frozenset[str]
    octets: bytes
    internal_date: datetime.datetime


class ThreadedAccount:
    """One account: where and how to log in, and what is done to its mail from behind."""

    host = "127.0.0.1"

    def __init__(self, server: FakeServer, thread: ReactorThread, user: str, password: str) -> None:
        self._server = server
        self._thread = thread
        self.user = user
        self.password = password

    @property
    def port(self) -> int:
        """The port of plaintext and STARTTLS."""
        return self._server.port

    @property
    def tls_port(self) -> int:
        """The port of implicit TLS."""
        return self._server.tls_port

    @property
    def ca_file(self) -> str:
        """The certificate authority to trust, in PEM."""
        return str(self._server.ca_file)

    # --- mail ---

    def deliver(
        self,
        message: Source,
        mailbox: str = "INBOX",
        *,
        flags: Iterable[str] = (),
        internal_date: datetime.datetime | None = None,
    ) -> int:
        """A message comes in; its UID is returned. Octets are kept; text gets CRLF."""
        return self._call(self._deliver, octets_of(message), mailbox, flags, internal_date)

    def append(
        self, source: Source | Path, mailbox: str = "INBOX", *, flags: Iterable[str] = ()
    ) -> list[int]:
        """Put in a message, or all that an .eml file, an mbox or a Maildir has; their UIDs."""
        stored = self._call(
            self._server.append, source, mailbox, user=self.user, flags=_octet_flags(flags)
        )
        return [one.uid for one in stored]

    def messages(self, mailbox: str = "INBOX") -> list[Mail]:
        """What is in a mailbox now."""
        return self._call(lambda: [_mail(one) for one in self._mailbox(mailbox).messages])

    def flags(self, uid: int, mailbox: str = "INBOX") -> frozenset[str]:
        r"""The flags of a message, such as ``\Seen``. Raises ``KeyError`` where there is none."""
        found = [one for one in self.messages(mailbox) if one.uid == uid]
        if not found:
            raise KeyError(f"no message with UID {uid} in {mailbox}")
        return found[0].flags

    def set_flags(self, uid: int, flags: Iterable[str], mailbox: str = "INBOX") -> None:
        """Give a message these flags and no others, as another client would."""
        octets = _octet_flags(flags)
        self._call(self._server.set_flags, uid, octets, mailbox, user=self.user)

    def expunge(self, uids: int | Iterable[int] | None = None, mailbox: str = "INBOX") -> None:
        r"""Take messages out: those with these UIDs or, without any, those that are \Deleted."""
        numbers = [uids] if isinstance(uids, int) else uids
        self._call(self._server.expunge, numbers, mailbox, user=self.user)

    def mailboxes(self) -> list[str]:
        """The names of the mailboxes."""
        names = self._call(lambda: list(self._server.account(self.user).mailboxes))
        return [decode_mailbox(name) for name in names]

    def create_mailbox(self, name: str) -> None:
        """Make a mailbox. Raises ``StoreError`` where that cannot be done."""
        self._call(lambda: self._server.account(self.user).create(encode_mailbox(name)))

    def delete_mailbox(self, name: str) -> None:
        """Take a mailbox away; sessions that have it selected hear BYE."""
        self._call(lambda: self._server.account(self.user).delete(encode_mailbox(name)))

    def bump_uid_validity(self, mailbox: str = "INBOX") -> int:
        """Give a mailbox another UIDVALIDITY; sessions that have it selected hear BYE."""
        return self._call(self._server.bump_uid_validity, mailbox, user=self.user)

    # --- what clients did ---

    def commands(self, name: str | None = None) -> list[CommandRecord]:
        """Commands that this user gave so far, by name: ``commands("FETCH")``."""
        return self._call(self._server.commands, name, self.user)

    def _deliver(
        self,
        octets: bytes,
        mailbox: str,
        flags: Iterable[str],
        internal_date: datetime.datetime | None,
    ) -> int:
        stored = self._server.deliver(
            octets, mailbox, user=self.user, flags=_octet_flags(flags), internal_date=internal_date
        )
        return stored.uid

    def _mailbox(self, name: str) -> Mailbox:
        return self._server.mailbox(name, self.user)

    def _call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return self._thread.call(function, *args, **kwargs)


class ThreadedServer(ThreadedAccount):
    """A server with one account, ``demo`` with password ``pw`` and an empty INBOX.

    As an account it is that first one. ``options`` are those of
    :class:`fakeserver.server.FakeServer`; what is not here is done with ``call``.
    """

    def __init__(
        self,
        user: str = "demo",
        password: str = "pw",  # noqa: S107
        *,
        empty: bool = True,
        **options: Any,
    ) -> None:
        thread = reactor_thread()
        super().__init__(FakeServer(thread.reactor, **options), thread, user, password)
        self._server.add_account(user, password, empty=empty)
        self._fresh: Snapshot | None = None

    # --- life ---

    def start(self) -> None:
        """Listen on free ports of the loopback."""
        self._thread.wait(self._server.start)
        self._fresh = self.snapshot()

    def stop(self) -> None:
        """Say BYE to everybody and close all."""
        self._thread.wait(self._server.stop)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def reset(self) -> None:
        """Make it what it was when it started: accounts, mail, faults, transcript, connections."""
        assert self._fresh is not None, "not started"
        self._call(self._server.start_over, self._fresh)

    # --- accounts ---

    def add_account(
        self,
        user: str,
        password: str = "pw",  # noqa: S107
        *,
        empty: bool = True,
    ) -> ThreadedAccount:
        """Add a user, with an empty INBOX or the mail of the imaplib walk-through."""
        self._call(self._server.add_account, user, password, empty=empty)
        return ThreadedAccount(self._server, self._thread, user, password)

    def snapshot(self) -> Snapshot:
        """The state of all accounts, for ``restore``."""
        return self._call(self._server.snapshot)

    def restore(self, snapshot: Snapshot) -> None:
        """Make all accounts what they were. Sessions that have a mailbox selected hear BYE."""
        self._call(self._server.restore, snapshot)

    # --- what goes wrong ---

    def fault(
        self,
        *actions: Action,
        command: str = "",
        user: str | None = None,
        connection: int | None = None,
        nth: int = 1,
        times: int | None = 1,
    ) -> None:
        """Let something go wrong; see :mod:`fakeserver.faults` for what and when."""
        self._call(
            self._server.fault,
            *actions, command=command, user=user, connection=connection, nth=nth, times=times,
        )  # fmt: skip

    def clear_faults(self) -> None:
        """No more faults."""
        self._call(self._server.faults.clear)

    def use_certificate(self, kind: Kind | str) -> None:
        """Show another certificate from the next connection on: ``"expired"``, for one."""
        self._call(self._server.use_certificate, Kind(kind))

    def disconnect_all(self, text: str = "Disconnected on demand.") -> None:
        """End every connection with BYE."""
        self._call(self._server.disconnect_all, text)

    def freeze_clock(self, moment: datetime.datetime | None) -> None:
        """Let it be this moment until told otherwise; ``None`` lets time go on."""
        self._call(self._server.freeze_clock, moment)

    # --- what clients did ---

    def commands(self, name: str | None = None, user: str | None = None) -> list[CommandRecord]:
        """Commands that were given so far, by name: ``commands("FETCH")``."""
        return self._call(self._server.commands, name, user)

    def transcript(self) -> str:
        """All that was said so far, as ``C:`` and ``S:`` lines; credentials are left out."""
        return self._call(self._server.transcript.text)

    def wait_for_command(
        self, name: str, user: str | None = None, *, count: int = 1, timeout: float = 10.0
    ) -> CommandRecord:
        """Wait until a client has given this command ``count`` times; the last of them.

        For clients that run by themselves: ``wait_for_command("IDLE")`` before ``deliver``.
        Raises ``TimeoutError`` after ``timeout`` seconds.
        """
        given: Future[CommandRecord] = Future()

        def look() -> bool:
            found = self._server.commands(name, user)
            if len(found) >= count and not given.done():
                given.set_result(found[count - 1])
            return given.done()

        self._call(self._server.transcript.tell, look)
        try:
            return given.result(timeout)
        except TimeoutError:
            raise TimeoutError(f"no {name} within {timeout:g} seconds") from None

    def call(self, function: Callable[[FakeServer], T]) -> T:
        """Call a function in the server's thread, with the :class:`FakeServer` itself."""
        return self._call(function, self._server)


def _mail(stored: StoredMessage) -> Mail:
    flags = frozenset(flag.decode("utf-8", "replace") for flag in stored.flags)
    return Mail(stored.uid, flags, stored.content.octets, stored.internal_date)


def _octet_flags(flags: Iterable[str]) -> list[bytes]:
    return [flag.encode() for flag in flags]
