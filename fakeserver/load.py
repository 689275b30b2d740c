r"""Mail from files: .eml, mbox, Maildir, and directories of these.

The standard library's ``mailbox`` is not used: it goes over the octets on the way (line ends, lines
that begin with "From"). Here a file without a single CRLF is one of Unix, and each of its line ends
becomes CRLF; the octets of any other are kept as they are.
"""

import datetime
import email.message
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fakeserver.mail.source import octets_of

# "From sender Thu Feb  3 04:05:06 2022". Not every program quotes such lines in messages: those
# that tell no time are text.
_FROM_LINE = re.compile(rb"^From [^\r\n]*\d\d:\d\d[^\r\n]*\r?\n", re.MULTILINE)
_FROM_DATE = re.compile(rb"(\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4})[ \r\n]")
# mboxrd: one ">" is taken off, so that any message comes back as it was.
_QUOTED_FROM = re.compile(rb"^>(?=>*From )", re.MULTILINE)
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:|\r?\n")
_STATUS = re.compile(rb"^(?:X-)?Status:[ \t]*([A-Z]*)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_STATUS_FLAGS = {"R": rb"\Seen", "A": rb"\Answered", "F": rb"\Flagged", "D": rb"\Deleted"}
# The same letters mean other things in the name of a file in a Maildir.
_MAILDIR_FLAGS = {
    "D": rb"\Draft", "F": rb"\Flagged", "R": rb"\Answered", "S": rb"\Seen", "T": rb"\Deleted",
}  # fmt: skip
_MAILDIR_NAME = re.compile(r"(\d*).*?(?:[:;!]2,([A-Za-z]*))?")


class NotMail(ValueError):
    """There is no mail in a file or directory; ``str()`` names it and says why."""


@dataclass(frozen=True, slots=True)
class LoadedMessage:
    """A message, and what the file told besides."""

    octets: bytes
    flags: frozenset[bytes] = frozenset()
    internal_date: datetime.datetime | None = None


def read_messages(
    source: bytes | str | email.message.Message | Path,
) -> list[LoadedMessage]:
    """The one message, or those of a file or Maildir (without the folders below it)."""
    if not isinstance(source, Path):
        return [LoadedMessage(octets_of(source))]
    if source.is_dir():
        if not is_maildir(source):
            raise NotMail(f"{source}: a directory that is no Maildir")
        return list(_maildir(source))
    return _file(source)


def is_maildir(path: Path) -> bool:
    """Whether this is a Maildir."""
    return (path / "cur").is_dir() and (path / "new").is_dir()


def read_tree(path: Path) -> dict[tuple[str, ...], list[LoadedMessage]]:
    """Mailboxes by their names, part by part; ``()`` is INBOX.

    A file or a Maildir at the top is INBOX, with the folders of the Maildir below. Of any other
    directory the .eml files are INBOX, and each mbox, Maildir and directory in it is a mailbox
    that is called as it is, less ``.mbox``.
    """
    if path.is_dir() and not is_maildir(path):
        tree: dict[tuple[str, ...], list[LoadedMessage]] = {}
        _directory(path, (), tree)
        return tree
    tree = {(): read_messages(path)}
    if path.is_dir():
        # Maildir++: ".Sent.2016" is Sent, and 2016 below it.
        for folder in sorted(path.glob(".?*")):
            if is_maildir(folder):
                tree[tuple(folder.name[1:].split("."))] = read_messages(folder)
    return tree


def _directory(
    path: Path, name: tuple[str, ...], tree: dict[tuple[str, ...], list[LoadedMessage]]
) -> None:
    for entry in sorted(path.iterdir()):
        below = () if entry.name.upper() == "INBOX" else (*name, entry.name.removesuffix(".mbox"))
        if entry.name.startswith("."):
            continue
        if entry.suffix == ".eml":
            tree.setdefault(name, []).extend(_file(entry))
        elif entry.is_dir() and not is_maildir(entry):
            tree.setdefault(below, [])
            _directory(entry, below, tree)
        else:
            tree.setdefault(below, []).extend(read_messages(entry))


def _file(path: Path) -> list[LoadedMessage]:
    octets = path.read_bytes()
    if octets.startswith(b"From "):
        return list(_mbox(octets))
    if path.suffix == ".mbox" and not octets:
        return []
    if path.suffix != ".eml" and not _FIELD.match(octets):
        raise NotMail(f"{path}: neither a message nor an mbox")
    return [LoadedMessage(_with_crlf(octets))]


def _mbox(octets: bytes) -> Iterator[LoadedMessage]:
    starts = [found for found in _FROM_LINE.finditer(octets) if _begins(octets, found.start())]
    ends = [found.start() for found in starts[1:]] + [len(octets)]
    for found, end in zip(starts, ends, strict=True):
        message = octets[found.end() : end]
        # The empty line in front of the next "From " belongs to the mbox.
        message = (
            message.removesuffix(b"\n").removesuffix(b"\r") if _is_spaced(message) else message
        )
        message = _QUOTED_FROM.sub(b"", message)
        yield LoadedMessage(_with_crlf(message), _status_flags(message), _from_date(found[0]))


def _begins(octets: bytes, at: int) -> bool:
    """Whether a "From " line stands where a message can begin."""
    return at == 0 or octets.endswith((b"\n\n", b"\n\r\n"), 0, at)


def _is_spaced(message: bytes) -> bool:
    return message.endswith((b"\n\n", b"\n\r\n"))


def _status_flags(message: bytes) -> frozenset[bytes]:
    header = re.split(rb"\r?\n\r?\n", message, maxsplit=1)[0]
    letters = b"".join(_STATUS.findall(header)).decode("ascii").upper()
    return _flags(letters, _STATUS_FLAGS)


def _from_date(line: bytes) -> datetime.datetime | None:
    found = _FROM_DATE.search(line)
    if found is None:
        return None
    try:
        moment = datetime.datetime.strptime(found[1].decode("ascii"), "%a %b %d %H:%M:%S %Y")
    except ValueError:
        return None
    return moment.replace(tzinfo=datetime.UTC)


def _maildir(path: Path) -> Iterator[LoadedMessage]:
    files = [file for part in ("cur", "new") for file in (path / part).iterdir()]
    for file in sorted((one for one in files if not one.name.startswith(".")), key=_arrival):
        found = _MAILDIR_NAME.fullmatch(file.name)
        letters = (found[2] if found is not None else None) or ""
        arrived = datetime.datetime.fromtimestamp(int(file.stat().st_mtime), datetime.UTC)
        octets = _with_crlf(file.read_bytes())
        yield LoadedMessage(octets, _flags(letters, _MAILDIR_FLAGS), arrived)


def _arrival(file: Path) -> tuple[int, str]:
    found = _MAILDIR_NAME.match(file.name)
    return int(found[1] or 0) if found is not None else 0, file.name


def _flags(letters: Iterable[str], names: dict[str, bytes]) -> frozenset[bytes]:
    return frozenset(names[letter] for letter in letters if letter in names)


def _with_crlf(octets: bytes) -> bytes:
    return octets if b"\r\n" in octets else octets.replace(b"\n", b"\r\n")
