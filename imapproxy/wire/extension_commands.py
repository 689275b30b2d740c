"""Commands that single extensions brought (RFC 4467, RFC 5267, RFC 5464, RFC 5465).

One value per command; :mod:`imapproxy.wire.commands` has them all, and the conventions.
"""

from dataclasses import dataclass, field

from imapproxy.wire.fetch_att import FetchAtt
from imapproxy.wire.mailbox import WireMailbox


@dataclass(frozen=True, slots=True)
class GetMetadata:
    """``GETMETADATA [(MAXSIZE n DEPTH d)] mailbox entry …`` (RFC 5464).

    An empty ``mailbox`` is the server. ``max_size`` is ``None`` for no bound, ``depth`` for
    ``infinity``.
    """

    mailbox: WireMailbox
    entries: tuple[bytes, ...]
    max_size: int | None = None
    depth: int | None = 0


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """``SETMETADATA mailbox (entry value …)`` (RFC 5464); ``None`` takes an entry away."""

    mailbox: WireMailbox
    values: tuple[tuple[bytes, bytes | None], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CancelUpdate:
    """``CANCELUPDATE "tag" …`` (RFC 5267)."""

    tags: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class NotifyEvent:
    """``MessageNew (UID FLAGS)``: an event in upper case, and what to fetch where it happens."""

    name: str
    attributes: tuple[FetchAtt, ...] = ()


@dataclass(frozen=True, slots=True)
class EventGroup:
    """``(SUBTREE mailbox (event …))``: which mailboxes, and what of them; no events is ``NONE``.

    ``where`` is in upper case. ``mailboxes`` are for ``SUBTREE`` and ``MAILBOXES`` alone.
    """

    where: str
    events: tuple[NotifyEvent, ...] = ()
    mailboxes: tuple[WireMailbox, ...] = ()


@dataclass(frozen=True, slots=True)
class Notify:
    """``NOTIFY SET [STATUS] (group) …`` or, with no groups, ``NOTIFY NONE`` (RFC 5465)."""

    groups: tuple[EventGroup, ...] = ()
    status: bool = False


@dataclass(frozen=True, slots=True)
class GenUrlAuth:
    """``GENURLAUTH url mechanism …`` (RFC 4467); mechanisms in upper case."""

    requests: tuple[tuple[bytes, str], ...]


@dataclass(frozen=True, slots=True)
class UrlFetch:
    """``URLFETCH url …`` (RFC 4467)."""

    urls: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ResetKey:
    """``RESETKEY [mailbox [mechanism …]]`` (RFC 4467); no mailbox is all of them."""

    mailbox: WireMailbox | None = None
    mechanisms: tuple[str, ...] = ()
