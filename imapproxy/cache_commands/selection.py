"""Which of the mailboxes that are held somebody means, by words of the command line. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from imapproxy.cache.store import Holding
from imapproxy.config import ConfigError
from imapproxy.upstream.errors import printable
from imapproxy.wire.errors import EncodeError
from imapproxy.wire.mailbox import WireMailbox, decode_mailbox_lossless, encode_mailbox


class Selection(NamedTuple):
    """``account`` as ``cache stats`` shows it, or the user of it alone; ``None`` is all."""

    account: str | None = None
    mailboxes: tuple[str, ...] = ()

    def of(self, holdings: Iterable[Holding]) -> list[Holding]:
        """Those that are meant. Raises :class:`ConfigError` if there are none, telling what is."""
        there = list(holdings)
        its_own = [holding for holding in there if self._is_account(holding)]
        if not its_own and self.account is not None:
            raise ConfigError(f"nothing is held of {self.account}; {_accounts_of(there)}")
        names = {wire_name(name) for name in self.mailboxes}
        chosen = [one for one in its_own if not names or one.mailbox.name in names]
        for name in self.mailboxes:
            if all(one.mailbox.name != wire_name(name) for one in chosen):
                known = ", ".join(sorted({mailbox_text(one) for one in its_own}))
                raise ConfigError(f"no mailbox {name} is held; there are: {known or 'none'}")
        return chosen

    def _is_account(self, holding: Holding) -> bool:
        account = account_text(holding.mailbox.account)
        _, *users = account.split(" ")
        return self.account in (None, account) or unquote(" ".join(users)) == self.account


def one_account(holdings: Sequence[Holding]) -> None:
    """Raises :class:`ConfigError` if they are of several accounts."""
    if len({holding.mailbox.account for holding in holdings}) > 1:
        raise ConfigError(f"say whose mail with --account; {_accounts_of(holdings)}")


def wire_name(name: str) -> WireMailbox:
    """The name of a mailbox as it is on the wire. Raises :class:`ConfigError`."""
    try:
        return encode_mailbox(name)
    except EncodeError as error:
        raise ConfigError(f"--mailbox: {name!a}: {error}") from None


def account_text(account: bytes) -> str:
    """An account for people: ``imaps://imap.example.com me@example.com``."""
    return printable(account)


def mailbox_text(holding: Holding) -> str:
    """A mailbox for people, and to be typed again."""
    return printable(decode_mailbox_lossless(holding.mailbox.name))


def _accounts_of(holdings: Iterable[Holding]) -> str:
    known = sorted({account_text(holding.mailbox.account) for holding in holdings})
    return f"there is mail of: {', '.join(known)}" if known else "the cache is empty"
