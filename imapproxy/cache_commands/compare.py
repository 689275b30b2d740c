"""Comparing a sample of what is held with what the server says now."""

import random
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

from imapproxy.cache.store import Form, Holding, Mailbox, Section, Store
from imapproxy.cache_commands.selection import mailbox_text
from imapproxy.cache_commands.wanted import WHOLE
from imapproxy.upstream.client import ImapClient, Outcome
from imapproxy.upstream.errors import CommandRefused
from imapproxy.wire.envelope import Envelope
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.mailbox import WireMailbox
from imapproxy.wire.mailbox_commands import Examine
from imapproxy.wire.response_code import Count, MailboxId
from imapproxy.wire.responses import FetchData, FetchItem, StatusResponse
from imapproxy.wire.sequence_set import SeqNum

_LAST_UID = 2**32 - 1
_PIECE = 256 * 1024
_NAMES = ("INTERNALDATE", "RFC822.SIZE", "ENVELOPE")


class Compared(NamedTuple):
    """What became of one mailbox: so many ``same``, so many ``gone`` from the server, and what is
    wrong. ``note`` is why nothing was compared, or empty.
    """

    mailbox: str
    same: int = 0
    gone: int = 0
    faults: tuple[str, ...] = ()
    note: str = ""


async def compare(
    client: ImapClient, store: Store, holding: Holding, sample: int, chance: random.Random
) -> Compared:
    """Compare ``sample`` messages of a mailbox; if one is wrong the mailbox is dropped.

    Raises ``UpstreamError`` and :class:`StoreError`.
    """
    mailbox = holding.mailbox
    text = mailbox_text(holding)
    try:
        outcome = await client.run(Examine(WireMailbox(mailbox.name)))
    except CommandRefused as error:
        return Compared(text, note=f"cannot be opened: {error}")
    note = _difference(mailbox, outcome)
    if note:
        return Compared(text, note=note)
    comparison = _Comparison(client, store, mailbox)
    for uid in _sample(store, mailbox, sample, chance):
        await comparison.message(uid)
    if comparison.faults:
        store.writer.drop(mailbox)
        await store.flushed()
    faults = tuple(f"{text}, {fault}" for fault in comparison.faults)
    return Compared(text, comparison.same, comparison.gone, faults)


def _difference(mailbox: Mailbox, outcome: Outcome) -> str:
    """Why the mailbox that was opened is not the one that is held; empty if it is."""
    codes = [data.code for data in outcome.data if isinstance(data, StatusResponse)]
    validity = [c.value for c in codes if isinstance(c, Count) and c.name == "UIDVALIDITY"]
    ids = [code.value for code in codes if isinstance(code, MailboxId)]
    if mailbox.mailbox_id and ids and ids[-1] != mailbox.mailbox_id:
        return "the server has another mailbox of this name now"
    if validity and validity[-1] != mailbox.uid_validity:
        return "the server has made it anew (UIDVALIDITY); what is held goes when it is opened next"
    return ""


def _sample(store: Store, mailbox: Mailbox, size: int, chance: random.Random) -> list[int]:
    uids = store.reader.held(mailbox, (), (), 1, _LAST_UID)
    return sorted(chance.sample(uids, min(size, len(uids))))


class _Comparison:
    """One mailbox, which is open at the server."""

    def __init__(self, client: ImapClient, store: Store, mailbox: Mailbox) -> None:
        self._client = client
        self._reader = store.reader
        self._mailbox = mailbox
        self.same = self.gone = 0
        self.faults: list[str] = []

    async def message(self, uid: int) -> None:
        """Compare a message."""
        line = f"(UID {' '.join(_NAMES)})"
        found = [
            data
            for data in await self._client.fetch(str(uid), line, by_uid=True)
            if data.uid == uid and data.value("ENVELOPE") is not None
        ]
        if not found:
            self.gone += 1
            return
        wrong = [*self._attributes(uid, found[-1]), *await self._body(uid)]
        if wrong:
            self.faults.append(f"UID {uid}: the server tells another {' and '.join(wrong)}")
        else:
            self.same += 1

    def _attributes(self, uid: int, told: FetchData) -> Iterator[str]:
        for row in self._reader.attributes(self._mailbox, _NAMES, uid, uid):
            for name, held in zip(_NAMES, row[1:], strict=True):
                if isinstance(held, bytes) and not _is_same(name, held, told.value(name)):
                    yield name

    async def _body(self, uid: int) -> Sequence[str]:
        sections = self._reader.sections(self._mailbox, WHOLE, uid, uid, 1)
        if not sections:
            return ()
        theirs = _Digest()
        await self._client.download(uid, theirs, by_uid=True)
        ours = _Digest()
        for piece in self._pieces(sections[0]):
            ours.write(piece)
        return () if ours == theirs else ("text",)

    def _pieces(self, section: Section) -> Iterator[bytes]:
        if section.form is Form.AS_IS:
            value = section.data or b""
            yield FetchData(SeqNum(1), (FetchItem("BODY[]", value),)).string("BODY[]") or b""
        elif section.data is not None:
            yield section.data
        else:
            for at in range(0, section.size, _PIECE):
                yield self._reader.octets(section.content, at, _PIECE)


@implementer(IConsumer)
class _Digest:
    """Takes octets of any number and keeps what tells them from others."""

    def __init__(self) -> None:
        self._octets = 0
        self._hash = sha256()

    def write(self, data: bytes) -> None:
        self._octets += len(data)
        self._hash.update(data)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Nothing here is slower than a server."""

    def unregisterProducer(self) -> None:
        """See :meth:`registerProducer`."""

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Digest)
            and self._octets == other._octets
            and self._hash.digest() == other._hash.digest()
        )

    __hash__ = None  # type: ignore[assignment]


def _is_same(name: str, held: bytes, told: bytes | None) -> bool:
    if told is None or held == told:
        return held == told
    if name != "ENVELOPE":
        return False
    try:  # a string may be quoted at one time, and a literal at another
        return Envelope.decode(held) == Envelope.decode(told)
    except DecodeError:
        return False
