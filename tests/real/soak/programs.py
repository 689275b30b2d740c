"""The programs, each with an account of its own, and what each of them sees to.

What a break of the line explains raises :class:`Disturbed`; a wrong answer fails an assertion.
"""

import imaplib
import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Protocol

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from tests.real.dovecot import Account, Dovecot, Message
from tests.real.mail import corpus, large, plain
from tests.real.mbsync import Mbsync, far
from tests.real.programs import python_environment, require_program
from tests.real.terminal import run_in_terminal
from tests.real.truth import with_crlf, with_lf

_TIMEOUT = 30.0  # seconds


class Disturbed(Exception):
    """It was in the middle of something when its connection broke."""


class SoakProgram(Protocol):
    """One program that works again and again."""

    name: str

    def work(self) -> None:
        """Do some of what it does. Raises Disturbed, or AssertionError for a wrong answer."""

    def finish(self) -> None:
        """With a line that does not break: see that everything is as it should be."""


def _seeded(dovecot: Dovecot, name: str) -> tuple[Account, list[bytes]]:
    account = dovecot.account(name)
    # mutt expunges what is marked as deleted, and ends each message in a line end.
    odd = [one for one in corpus() if one.octets.endswith(b"\n") and "T" not in one.flags]
    even = [Message(plain(f"{number}", "x", number=number)) for number in range(40)]
    messages = [*odd, Message(large(300_000)), *even]
    account.seed("INBOX", messages)
    account.seed("Archive")
    return account, [with_crlf(message.octets) for message in messages]


class Imaplib:
    """Reads message by message, as scripts do; writes one, finds it, and takes it away again."""

    name = "imaplib"

    def __init__(self, dovecot: Dovecot, port: Callable[[], int], chance: Random) -> None:
        self._account, self._messages = _seeded(dovecot, "imaplib")
        self._port = port
        self._chance = chance
        self._numbers = itertools.count(1)

    def work(self) -> None:
        """See :class:`SoakProgram`."""
        try:
            self._work()
        except (imaplib.IMAP4.error, OSError) as error:
            raise Disturbed(str(error)) from error

    def _work(self) -> None:
        with imaplib.IMAP4("127.0.0.1", self._port(), timeout=_TIMEOUT) as client:
            client.login(self._account.user, self._account.password)
            _done(client.select("INBOX"))
            for _ in range(20):
                number = self._chance.randrange(len(self._messages))
                answer = _done(client.uid("FETCH", f"{number + 1}", "(UID BODY.PEEK[])"))
                assert answer[0][1] == self._messages[number], f"message {number + 1}"
            self._write(client)

    def _write(self, client: imaplib.IMAP4) -> None:
        name = f"{next(self._numbers)}@soak"
        octets = f"Message-ID: <{name}>\r\n\r\n{name}\r\n".encode()
        _done(client.append("Archive", "", "", octets))
        _done(client.select("Archive"))
        (uids,) = _done(client.uid("SEARCH", "HEADER", "Message-ID", f'"<{name}>"'))
        assert len(uids.split()) == 1, f"{name}: {uids!r}"
        answer = _done(client.uid("FETCH", uids.decode(), "(BODY.PEEK[])"))
        assert answer[0][1] == octets, name
        _done(client.uid("STORE", uids.decode(), "+FLAGS.SILENT", r"(\Deleted)"))
        _done(client.expunge())

    def finish(self) -> None:
        """See :class:`SoakProgram`."""
        self._work()


def _done(answer: tuple[str, list[bytes]]) -> list[bytes]:
    status, data = answer
    if status == "NO" and b"[UNAVAILABLE]" in b"".join(filter(None, data)):
        raise Disturbed(repr(data))
    if status == "NO" and b"ffline" in b"".join(filter(None, data)):
        raise Disturbed(repr(data))
    assert status == "OK", data
    return data


class ImapClient:
    """Looks at all envelopes and flags, changes flags, waits in IDLE."""

    name = "IMAPClient"

    def __init__(self, dovecot: Dovecot, port: Callable[[], int], chance: Random) -> None:
        self._account, self._messages = _seeded(dovecot, "imapclient")
        self._port = port
        self._chance = chance

    def work(self) -> None:
        """See :class:`SoakProgram`."""
        try:
            self._work()
        except (IMAPClientError, imaplib.IMAP4.error, OSError) as error:
            raise Disturbed(str(error)) from error

    def _work(self) -> None:
        with IMAPClient("127.0.0.1", self._port(), ssl=False, timeout=_TIMEOUT) as client:
            client.login(self._account.user, self._account.password)
            if b"READ-WRITE" not in client.select_folder("INBOX"):
                raise Disturbed("offline")
            told = client.fetch(client.search(), ["ENVELOPE", "FLAGS", "RFC822.SIZE"])
            assert len(told) == len(self._messages)
            for uid, items in told.items():
                assert items[b"RFC822.SIZE"] == len(self._messages[uid - 1]), uid
            uid = self._chance.choice(sorted(told))
            flag = self._chance.choice([b"\\Flagged", b"\\Answered", b"Soak"])
            client.add_flags([uid], [flag])
            assert flag in client.get_flags([uid])[uid], (uid, flag)
            client.remove_flags([uid], [flag])
            assert flag not in client.get_flags([uid])[uid], (uid, flag)
            client.idle()
            client.idle_check(timeout=1)
            client.idle_done()

    def finish(self) -> None:
        """See :class:`SoakProgram`."""
        self._work()


class Synchroniser:
    """mbsync: two directions, with changes on both sides."""

    name = "mbsync"

    def __init__(
        self, dovecot: Dovecot, port: Callable[[], int], chance: Random, directory: Path
    ) -> None:
        self._dovecot = dovecot
        self._account, _ = _seeded(dovecot, "mbsync")
        self._port = port
        self._chance = chance
        self._directory = directory
        self._mbsync: Mbsync | None = None
        self._numbers = itertools.count(1)

    def work(self) -> None:
        """See :class:`SoakProgram`."""
        try:
            self._synchronise()
        except AssertionError as error:  # its exit code; what it has done is looked at in the end
            raise Disturbed(str(error)) from error

    def _synchronise(self) -> None:
        mbsync = Mbsync(self._directory, self._connection())
        if self._mbsync is not None:
            number = next(self._numbers)
            path = mbsync.folder("Archive") / "new" / f"{number}.soak"
            path.write_bytes(with_lf(plain(f"near {number}", "y", number=number)))
        mbsync.synchronise()
        self._mbsync = mbsync

    def _connection(self) -> str:
        account = self._account
        return (
            f"Host 127.0.0.1\nPort {self._port()}\nUser {account.user}\n"
            f"Pass {account.password}\nSSLType None\nAuthMechs LOGIN\nTimeout {_TIMEOUT:.0f}"
        )

    def finish(self) -> None:
        """See :class:`SoakProgram`."""
        self._synchronise()
        assert self._mbsync is not None
        for mailbox in ("INBOX", "Archive"):
            there = far(self._dovecot, self._account, mailbox)
            near = self._mbsync.near(mailbox)
            odd = f"{(near - there).total()} more here, {(there - near).total()} more there"
            assert near == there, f"{mailbox}: of {there.total()} {odd}"


class Mutt:
    """mutt: opens a mailbox and pipes every message out."""

    name = "mutt"

    def __init__(
        self, dovecot: Dovecot, port: Callable[[], int], chance: Random, directory: Path
    ) -> None:
        self._account, self._messages = _seeded(dovecot, "mutt")
        self._port = port
        self._directory = directory
        self._program = require_program("mutt")
        self._rounds = itertools.count(1)

    def work(self) -> None:
        """See :class:`SoakProgram`."""
        try:
            read = self._read()
        except AssertionError as error:  # its exit code
            raise Disturbed(str(error)[:200]) from error
        if len(read) < len(self._messages):
            raise Disturbed(f"it has read {len(read)} messages")  # a failed one is left out
        self._check(read)

    def _check(self, read: list[bytes]) -> None:
        assert sorted(read) == sorted(map(with_lf, self._messages)), "mutt has read other octets"

    def _read(self) -> list[bytes]:
        pieces = self._directory / f"{next(self._rounds)}"
        pieces.mkdir()
        collect = self._directory / "collect"
        collect.write_text(f"#!/bin/sh\ncat > $(mktemp {pieces}/XXXXXXXX)\n")
        collect.chmod(0o755)
        folder = f"imap://127.0.0.1:{self._port()}/"
        account = self._account
        configuration = self._directory / "muttrc"
        configuration.write_text(
            f'set imap_user="{account.user}" imap_pass="{account.password}"\n'
            f'set folder="{folder}" spoolfile="{folder}INBOX" record="" postponed=""\n'
            "set ssl_starttls=no ssl_force_tls=no delete=yes quit=yes auto_tag=yes wait_key=no\n"
            "set beep=no mark_old=no sleep_time=0 pipe_decode=no pipe_split=yes pipe_sep=''\n"
        )
        keys = f"<tag-pattern>~A<enter><pipe-message>{collect}<enter><quit>"
        command = [self._program, "-n", "-F", configuration, "-e", f"push '{keys}'"]
        environment = {**python_environment(), "HOME": str(self._directory)}
        run_in_terminal(command, environment, self._directory)
        read = [path.read_bytes() for path in sorted(pieces.iterdir())]
        subprocess.run(["rm", "-rf", pieces], check=True)
        return read

    def finish(self) -> None:
        """See :class:`SoakProgram`."""
        self._check(self._read())
