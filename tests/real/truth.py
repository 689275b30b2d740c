"""What is really in an account, asked of the server itself and not by way of what is tested."""

import imaplib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from tests.real.dovecot import Account


class Server(Protocol):
    """A server on this machine."""

    imap_port: int


class User(Protocol):
    """Somebody who has an account there."""

    @property
    def user(self) -> str:
        """The name."""

    @property
    def password(self) -> str:
        """The password."""


_UID = re.compile(rb"UID (\d+)")


class Held(NamedTuple):
    """A message as the server has it. Which session may call it recent is of no interest."""

    uid: int
    flags: frozenset[bytes]
    octets: bytes


@contextmanager
def straight(server: Server, account: User) -> Iterator[imaplib.IMAP4]:
    """Yield a connection to the server with the account opened and nothing between."""
    with imaplib.IMAP4("127.0.0.1", server.imap_port) as connection:
        connection.login(account.user, account.password)
        yield connection


def contents(server: Server, account: User, mailbox: str = "INBOX") -> list[Held]:
    """Return the messages of a mailbox in their order."""
    with straight(server, account) as connection:
        kind, [count] = connection.select(f'"{mailbox}"', readonly=True)
        assert kind == "OK", count
        if count == b"0":
            return []
        _, data = connection.fetch("1:*", "(UID FLAGS BODY.PEEK[])")
    held = []
    for line, octets in (part for part in data if isinstance(part, tuple)):
        uid = _UID.search(line)
        assert uid is not None
        flags = frozenset(imaplib.ParseFlags(line)) - {b"\\Recent"}
        held.append(Held(int(uid[1]), flags, octets))
    return held


class Spool(NamedTuple):
    """A mailbox as it lies on the disk: Dovecot has no later truth than this."""

    uid_validity: int
    uids: tuple[int, ...]


def spool(account: Account, mailbox: bytes) -> Spool | None:
    """Return the UIDs of the messages that are there; ``None`` of a mailbox that is not.

    Nobody is asked, so nobody's view of the mailbox is disturbed. ``mailbox`` is as on the wire.
    """
    name = mailbox.decode("ascii", "replace")
    directory = account.maildir if name.upper() == "INBOX" else account.maildir / f".{name}"
    try:
        first, *lines = (directory / "dovecot-uidlist").read_bytes().splitlines()
        files = [*(directory / "cur").iterdir(), *(directory / "new").iterdir()]
    except (OSError, ValueError):
        return None
    there = {os.fsencode(file.name).partition(b":")[0] for file in files}
    listed = (line.partition(b" :") for line in lines)
    uids = {int(head.split()[0]) for head, _, base in listed if base.partition(b":")[0] in there}
    version = re.search(rb" V(\d+)", first)
    return Spool(int(version[1]) if version else 0, tuple(sorted(uids)))


def with_crlf(octets: bytes) -> bytes:
    """Return what goes over the wire of a message that is kept with LF line ends."""
    return re.sub(rb"\r?\n", b"\r\n", octets)


def with_lf(octets: bytes) -> bytes:
    """Return a message from the wire as programs on this side keep it."""
    return octets.replace(b"\r\n", b"\n")
