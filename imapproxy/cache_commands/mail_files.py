"""Writing messages into ordinary mail files, one piece at a time.

The ``mailbox`` module of Python reads what is written here; its own writers want a message whole,
or know nothing of its date and flags.
"""

import os
import re
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from imapproxy.cache.keeper import HeldMessage
from imapproxy.cache.store import StoreError
from imapproxy.wire.cursor import Cursor
from imapproxy.wire.dates import read_date_time
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.flags import read_flags

# The letters of Maildir and of the X-Status field of an mbox, for flags in lower case.
_MAILDIR = {
    b"\\draft": "D",
    b"\\flagged": "F",
    b"\\answered": "R",
    b"\\seen": "S",
    b"\\deleted": "T",
}
_X_STATUS = {b"\\answered": "A", b"\\flagged": "F", b"\\draft": "T", b"\\deleted": "D"}
# A line that would begin another message; what is quoted already is quoted once more (mboxrd).
_FROM = re.compile(rb"(?<=\n)(>{0,64}From )")
# The beginning of a line that may still become one of these, when more of it has come.
_MAY_BE_FROM = re.compile(rb"\n>{0,64}(?:F(?:r(?:om?)?)?)?\Z")
_BUFFER = 1024 * 1024


class MboxFile:
    """An mbox (RFC 4155, lines quoted as in mboxrd) that is made anew.

    Raises ``FileExistsError`` and other ``OSError``.
    """

    def __init__(self, path: Path) -> None:
        self._file = _new_file(path)

    def add(self, message: HeldMessage) -> None:
        """Append a message. Raises :class:`StoreError` if it cannot be read: nothing is added."""
        start = self._file.tell()
        try:
            self._write(message)
        except StoreError:
            self._file.seek(start)
            self._file.truncate()
            raise

    def _write(self, message: HeldMessage) -> None:
        moment = time.asctime(time.gmtime(arrived(message)))
        self._file.write(f"From MAILER-DAEMON {moment}\n".encode("ascii"))
        flags = flags_of(message)
        seen = "RO" if b"\\seen" in flags else "O"
        others = "".join(letter for flag, letter in _X_STATUS.items() if flag in flags)
        self._file.write(f"Status: {seen}\n".encode("ascii"))
        if others:
            self._file.write(f"X-Status: {others}\n".encode("ascii"))
        last = b""
        for piece in quoted(with_bare_newlines(message.pieces)):
            self._file.write(piece)
            last = piece[-1:] or last
        self._file.write(b"\n" if last == b"\n" else b"\n\n")

    def close(self) -> None:
        """See that it is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


class MaildirFolder:
    """A Maildir, made if it is not there. Raises ``OSError``."""

    def __init__(self, path: Path, *, is_folder: bool = False) -> None:
        self._path = path
        # Mail is nobody else's to read; parents would be made with the mode that everything gets.
        for directory in (path, *(path / part for part in ("tmp", "new", "cur"))):
            directory.mkdir(mode=0o700, exist_ok=True)
        if is_folder:
            (path / "maildirfolder").touch(mode=0o600)

    def add(self, message: HeldMessage) -> None:
        """Put a message in. Raises :class:`StoreError` if it cannot be read: nothing is added."""
        moment = arrived(message)
        name = f"{int(moment)}.U{message.uid}P{os.getpid()}.imapproxy"
        path = self._path / "tmp" / name
        try:
            # Not waited for: with each message on the disk 6,000 of them take ten times as long.
            with _new_file(path) as file:
                file.writelines(with_bare_newlines(message.pieces))
        except StoreError:
            path.unlink()
            raise
        os.utime(path, (moment, moment))
        flags = flags_of(message)
        letters = "".join(letter for flag, letter in _MAILDIR.items() if flag in flags)
        path.rename(self._path / "cur" / f"{name}:2,{letters}")

    def close(self) -> None:
        """Nothing is left to do: each message was written for good."""


def arrived(message: HeldMessage) -> float:
    """The internal date in seconds of the POSIX clock; the epoch where it is not known."""
    try:
        found: datetime = read_date_time(Cursor(message.internal_date or b""))
    except DecodeError:
        return 0.0
    return found.timestamp()


def flags_of(message: HeldMessage) -> frozenset[bytes]:
    """Flags in lower case, as far as they are known."""
    if message.flags is None:
        return frozenset()
    try:
        return frozenset(flag.lower() for flag in read_flags(Cursor(message.flags)))
    except DecodeError:
        return frozenset()


def with_bare_newlines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same octets with LF for each CRLF, as mail files have lines on this system."""
    held = b""
    for piece in pieces:
        octets = held + piece
        held = b"\r" if octets.endswith(b"\r") else b""
        yield octets[: len(octets) - len(held)].replace(b"\r\n", b"\n")
    if held:
        yield held


def quoted(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same octets with ``>`` before each line that an mbox would take for the next message."""
    held = b"\n"  # one too many, so that what is at the beginning is seen to begin a line
    surplus = 1
    for piece in pieces:
        octets = held + piece
        found = _MAY_BE_FROM.search(octets)
        keep = len(octets) if found is None else found.start()
        held = octets[keep:]
        if keep:
            yield _FROM.sub(rb">\1", octets[:keep])[surplus:]
            surplus = 0
    yield held[surplus:]


def _new_file(path: Path) -> BinaryIO:
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return os.fdopen(number, "wb", buffering=_BUFFER)
