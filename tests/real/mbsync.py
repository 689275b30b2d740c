"""mbsync (isync) as a program that tests start, and what is on both of its sides."""

import re
from collections import Counter
from pathlib import Path

from tests.real.peer import AnyAccount, Server
from tests.real.programs import require_program, run
from tests.real.truth import contents, with_lf

# Maildir's letters (in the file name behind "2,") and IMAP's names for them.
_LETTERS = {"D": b"\\Draft", "F": b"\\Flagged", "R": b"\\Answered", "S": b"\\Seen"}
_LETTERS |= {"T": b"\\Deleted"}

# With this line mbsync finds a message again that it has just written, on either side.
_TUID = re.compile(rb"^X-TUID: \S{12}\r?\n", re.MULTILINE)

Mail = Counter[tuple[bytes, frozenset[bytes]]]


class Mbsync:
    """mbsync with a configuration for one account and a directory of Maildirs."""

    def __init__(self, directory: Path, connection: str) -> None:
        self._program = require_program("mbsync", "isync")
        self.maildirs = directory / "mail"
        self.maildirs.mkdir(exist_ok=True)
        self._configuration = directory / "mbsyncrc"
        self._configuration.write_text(
            f"IMAPAccount account\n{connection}\n\n"
            f"IMAPStore far\nAccount account\n\n"
            f"MaildirStore near\nPath {self.maildirs}/\nInbox {self.maildirs}/INBOX\n"
            f"SubFolders Verbatim\n\n"
            f"Channel all\nFar :far:\nNear :near:\nPatterns *\n"
            f"Create Both\nExpunge Both\nSyncState *\n"
        )

    def synchronise(self) -> None:
        """Do it once, all mailboxes, both ways."""
        run(self._program, "-c", self._configuration, "-a")

    def folder(self, mailbox: str) -> Path:
        """Return the Maildir of a mailbox; without ``SubFolders`` of its own ``.`` is a ``/``."""
        return self.maildirs / mailbox.replace(".", "/")

    def near(self, mailbox: str) -> Mail:
        """Return what is in the Maildir: octets and flags."""
        found: Mail = Counter()
        for path in self.files(mailbox):
            letters = path.name.partition(":2,")[2]
            flags = frozenset(_LETTERS[letter] for letter in letters if letter in _LETTERS)
            found[without_tuid(path.read_bytes()), flags] += 1
        return found

    def files(self, mailbox: str) -> list[Path]:
        """Return the files of the messages."""
        folder = self.folder(mailbox)
        return [path for part in ("cur", "new") for path in (folder / part).iterdir()]


def without_tuid(octets: bytes) -> bytes:
    """The message as it was before mbsync marked it."""
    return _TUID.sub(b"", octets, count=1)


def far(server: Server, account: AnyAccount, mailbox: str) -> Mail:
    """Return what is on the server: octets as a Maildir keeps them, and flags."""
    known = frozenset(_LETTERS.values())
    return Counter(
        (without_tuid(with_lf(held.octets)), held.flags & known)
        for held in contents(server, account, mailbox)
    )
