"""``imapproxy cache export``: what is held, as ordinary mail files."""

import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from imapproxy.cache.keeper import HeldMessage, Keeper
from imapproxy.cache.store import Holding, StoreError
from imapproxy.cache_commands.mail_files import MaildirFolder, MboxFile
from imapproxy.cache_commands.selection import mailbox_text, one_account
from imapproxy.config import ConfigError


class MailFile(Protocol):
    """Somewhere to put messages."""

    def add(self, message: HeldMessage) -> None:
        """Put one in. Raises :class:`StoreError` if it cannot be read."""

    def close(self) -> None:
        """All were put in."""


class Target(NamedTuple):
    """Where to: one of the two."""

    mbox: Path | None
    maildir: Path | None


class Observer(Protocol):
    """Is told how it goes."""

    def begins(self, mailbox: str, messages: int) -> None:
        """A mailbox, and how many messages of it are held whole."""

    def message(self) -> None:
        """One is written."""

    def lost(self, text: str) -> None:
        """One could not be read."""


def export(keeper: Keeper, holdings: list[Holding], target: Target, observer: Observer) -> int:
    """Write all messages that are held whole; how many those are.

    Raises :class:`ConfigError` where it cannot be written, and :class:`StoreError`.
    """
    open_file = _opener(holdings, target)
    written = 0
    with _told():
        _check_is_new(target)
        for holding in holdings:
            observer.begins(mailbox_text(holding), holding.bodies)
            written += _copy(keeper, holding, open_file(holding), observer)
    return written


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise ConfigError(f"{error.filename} is there already; choose another place") from None
    except OSError as error:
        raise ConfigError(f"{error.filename or 'the mail file'}: {error.strerror}") from None


def _check_is_new(target: Target) -> None:
    directory = target.maildir
    if directory is not None and directory.exists() and any(directory.iterdir()):
        raise FileExistsError(errno.EEXIST, "", str(directory))


def _opener(holdings: list[Holding], target: Target) -> Callable[[Holding], MailFile]:
    one_account(holdings)
    if target.mbox is not None:
        path = target.mbox
        if len(holdings) > 1:
            known = ", ".join(mailbox_text(one) for one in holdings)
            raise ConfigError(
                f"an mbox is one mailbox: choose with --mailbox ({known}), or take --maildir"
            )
        return lambda _: MboxFile(path)
    assert target.maildir is not None
    directory = target.maildir
    return lambda holding: _folder(directory, mailbox_text(holding))


def _folder(directory: Path, mailbox: str) -> MaildirFolder:
    """INBOX is the Maildir itself, others are folders in it, as Maildir++ has them."""
    if mailbox == "INBOX":
        return MaildirFolder(directory)
    MaildirFolder(directory)
    name = mailbox.replace("/", ".").strip(".") or "_"
    return MaildirFolder(directory / f".{name}", is_folder=True)


def _copy(keeper: Keeper, holding: Holding, file: MailFile, observer: Observer) -> int:
    written = 0
    for message in keeper.messages(holding.mailbox):
        try:
            file.add(message)
        except StoreError as error:
            observer.lost(f"{mailbox_text(holding)}, UID {message.uid}: {error}")
            continue
        written += 1
        observer.message()
    file.close()
    return written


def mailboxes_with_bodies(holdings: Iterable[Holding]) -> list[Holding]:
    """Those of which there is something to export."""
    return [one for one in holdings if one.bodies]
