"""Doing what was noted down, in order, in one transaction."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from imapproxy.cache.sqlite import seals, sharing
from imapproxy.cache.sqlite.attributes import BrokenWord, merge, write_attributes
from imapproxy.cache.sqlite.changes import (
    AbortSection,
    BeginSection,
    Change,
    Copied,
    Drop,
    EndSection,
    Forget,
    KeepAttributes,
    KeepNote,
    KeepSection,
    KeepShape,
    KeepUidList,
    Piece,
    Renamed,
    Spoilt,
)
from imapproxy.cache.sqlite.pruning import list_of, note_gone
from imapproxy.cache.sqlite.rows import unpack_uids
from imapproxy.cache.sqlite.schema import UID_BITS
from imapproxy.cache.sqlite.sections import Incoming, Place, supersede, write_sections
from imapproxy.cache.sqlite.streams import Streams
from imapproxy.cache.sqlite.writing import Said, Writing
from imapproxy.cache.store import MAX_SHAPES, Mailbox, UidList


@dataclass
class _Pending:
    """What is told of the messages of one mailbox: written together, in few steps."""

    box: int
    attributes: dict[int, dict[str, bytes]] = field(default_factory=dict)
    sections: dict[Place, Incoming] = field(default_factory=dict)


class Batch:
    """The changes of one transaction.

    Attributes and sections are gathered until something else comes that they have to precede.
    """

    def __init__(self, writing: Writing, streams: Streams, max_octets: int) -> None:
        self._writing = writing
        self._streams = streams
        self._max_octets = max_octets
        self._pending: dict[Mailbox, _Pending] = {}
        self._spoilt_rows = 0

    def apply(self, changes: Iterable[Change]) -> None:
        """Do all of this. Raises :data:`ERRORS`."""
        ways = _WAYS
        for change in changes:
            ways[type(change)](self, change)
        self._write_pending()
        self._streams.sweep(self._writing)
        if self._spoilt_rows:
            self._writing.said.append(
                Said(
                    "{count} rows of the cache have been damaged on the disk; they are taken out",
                    {"count": self._spoilt_rows},
                )
            )

    # -- gathered --------------------------------------------------------------------------

    def _keep_attributes(self, change: KeepAttributes) -> None:
        pending = self._pending_of(change.mailbox)
        if pending is None:
            return
        message = pending.box << UID_BITS | change.uid
        told = pending.attributes.get(message)
        if told is None:
            pending.attributes[message] = dict(change.values)
            return
        try:
            pending.attributes[message] = merge(change.uid, told, change.values)
        except BrokenWord as broken:
            self._broken(change.mailbox, broken)

    def _keep_section(self, change: KeepSection) -> None:
        if len(change.octets) > self._max_octets:
            return
        incoming = Incoming.whole(change.form, change.octets, change.clean)
        self._gather_section(change.mailbox, change.uid, change.key, incoming)

    def _begin_section(self, change: BeginSection) -> None:
        # What comes with the same key before it has to be known.
        self._write_pending()
        self._streams.begin(self._writing, change, self._max_octets)

    def _piece(self, change: Piece) -> None:
        self._streams.piece(self._writing, change.stream, change.octets)

    def _end_section(self, change: EndSection) -> None:
        ended = self._streams.end(self._writing, change.stream, change.clean)
        if ended is not None:
            begin, incoming = ended
            self._gather_section(begin.mailbox, begin.uid, begin.key, incoming)

    def _abort_section(self, change: AbortSection) -> None:
        self._streams.abort(change.stream)

    def _gather_section(self, mailbox: Mailbox, uid: int, key: str, section: Incoming) -> None:
        pending = self._pending_of(mailbox)
        if pending is None:
            return
        place = pending.box << UID_BITS | uid, key
        old = pending.sections.get(place)
        if old is not None:
            try:
                if not supersede(place, old, section):
                    section = old._replace(clean=old.clean or section.clean)
            except BrokenWord as broken:
                self._broken(mailbox, broken)
                return
        pending.sections[place] = section

    def _pending_of(self, mailbox: Mailbox) -> _Pending | None:
        pending = self._pending.get(mailbox)
        if pending is None:
            if any(mailbox.identity == other.identity for other in self._pending):
                self._write_pending()  # another UIDVALIDITY or name: in order
            box = self._writing.admit(mailbox)
            if box is None:
                return None
            pending = self._pending[mailbox] = _Pending(box)
        return pending

    def _write_pending(self) -> None:
        pending, self._pending = self._pending, {}
        for mailbox, told in pending.items():
            if self._writing.find(mailbox) != told.box:
                continue  # a higher UIDVALIDITY was told behind it
            try:
                changed = write_attributes(self._writing, told.attributes)
                changed += write_sections(self._writing, told.sections)
                sharing.share(self._writing, changed)
            except BrokenWord as broken:
                self._broken(mailbox, broken)

    def _broken(self, mailbox: Mailbox, broken: BrokenWord) -> None:
        self._pending.pop(mailbox, None)
        self._writing.drop(mailbox)
        self._writing.said.append(
            Said(
                "{mailbox!r}: the upstream gave message {uid} another {what} than before; "
                "what was kept of this mailbox is dropped",
                {"mailbox": mailbox.name, "uid": broken.uid, "what": broken.what},
            )
        )

    # -- in order --------------------------------------------------------------------------

    def _keep_uid_list(self, change: KeepUidList) -> None:
        self._write_pending()
        writing = self._writing
        if writing.find(change.mailbox) is None:
            writing.drop(change.mailbox)
        box = writing.admit(change.mailbox)
        if box is None:
            return
        told = UidList(change.uid_next, unpack_uids(change.uids))
        note_gone(writing, box, list_of(writing, box), told)
        seal = seals.of_uid_list(box, change.uid_next, change.uids)
        writing.database.execute(
            "INSERT INTO uid_list VALUES (?, ?, ?, ?) ON CONFLICT (mailbox) DO UPDATE "
            "SET uid_next = excluded.uid_next, seal = excluded.seal, uids = excluded.uids "
            "WHERE seal <> excluded.seal OR length(uids) <> length(excluded.uids)",
            (box, change.uid_next, seal, change.uids),
        )

    def _forget(self, change: Forget) -> None:
        self._write_pending()
        box = self._writing.find(change.mailbox)
        if box is not None:
            self._writing.forget([box << UID_BITS | uid for uid in change.uids])

    def _drop(self, change: Drop) -> None:
        self._write_pending()
        self._writing.drop(change.mailbox)

    def _copied(self, change: Copied) -> None:
        self._write_pending()
        source = self._writing.find(change.source)
        target = None if source is None else self._writing.admit(change.target)
        if source is None or target is None:
            return
        pairs = [(source << UID_BITS | old, target << UID_BITS | new) for old, new in change.uids]
        sharing.give(self._writing, pairs)
        sharing.share(self._writing, [copy for _, copy in pairs])

    def _renamed(self, change: Renamed) -> None:
        self._write_pending()
        writing = self._writing
        old = Mailbox(change.account, change.old, b"", 0)
        moved = None if change.old.upper() == b"INBOX" else writing.row(old)
        rows = writing.database.execute(
            "SELECT id FROM mailbox WHERE account = ? AND mailbox_id = x'' "
            "AND (name = ? OR substr(name, 1, ?) = ?)",
            (change.account, change.new, len(change.old), change.old),
        ).fetchall()
        for (box,) in rows:
            if moved is None or box != moved[0]:
                writing.drop_number(box)
        if moved is not None:
            box, uid_validity, _ = moved
            writing.rename(box, old._replace(name=change.new, uid_validity=uid_validity))

    # -- all else --------------------------------------------------------------------------

    def _keep_shape(self, change: KeepShape) -> None:
        seal = seals.of_small(change.account, change.request, change.names)
        database = self._writing.database
        database.execute(
            "INSERT OR REPLACE INTO shape VALUES (?, ?, ?, ?, ?)",
            (change.account, change.request, seal, change.names, self._writing.clock),
        )
        database.execute(
            "DELETE FROM shape WHERE account = ?1 AND request IN (SELECT request FROM shape "
            "WHERE account = ?1 ORDER BY used DESC LIMIT -1 OFFSET ?2)",
            (change.account, MAX_SHAPES),
        )

    def _keep_note(self, change: KeepNote) -> None:
        if change.value is None:
            self._writing.forget_small("note", change.account, change.key)
            return
        seal = seals.of_small(change.account, change.key, change.value)
        self._writing.database.execute(
            "INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?)",
            (change.account, change.key, seal, change.value),
        )

    def _spoilt(self, change: Spoilt) -> None:
        self._write_pending()
        self._writing.mend(change.table, change.number)
        self._spoilt_rows += 1


_WAYS: dict[type, Callable[[Batch, Any], None]] = {
    KeepAttributes: Batch._keep_attributes,
    KeepSection: Batch._keep_section,
    BeginSection: Batch._begin_section,
    Piece: Batch._piece,
    EndSection: Batch._end_section,
    AbortSection: Batch._abort_section,
    KeepUidList: Batch._keep_uid_list,
    Forget: Batch._forget,
    Drop: Batch._drop,
    Copied: Batch._copied,
    Renamed: Batch._renamed,
    KeepShape: Batch._keep_shape,
    KeepNote: Batch._keep_note,
    Spoilt: Batch._spoilt,
}
