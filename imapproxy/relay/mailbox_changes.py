"""What the client's commands do to whole mailboxes: copies, moves, new names, deletions.

What is held of a message is true of its copy, too (RFC 9051 section 6.4.7), so that what was moved
is not fetched again; and what is held under a mailbox's name has to follow the name. Only what the
upstream has confirmed counts, and only where both names can be told for sure. Names that come as
literals are gathered as far as names go; behind a command with more than that nothing is believed
of a mailbox that is known by its name alone.
"""

from collections.abc import Iterator
from itertools import islice

from imapproxy.cache.notes import mailbox_key
from imapproxy.cache.store import Mailbox, Writer
from imapproxy.relay.client_line import ClientLine
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.relay.selected import Selected
from imapproxy.wire.commands import CommandBody
from imapproxy.wire.decode_command import decode_command
from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.mailbox import WireMailbox, canonical_mailbox
from imapproxy.wire.mailbox_commands import Delete, Rename
from imapproxy.wire.message_commands import Copy, Move
from imapproxy.wire.response_code import CopyUid
from imapproxy.wire.responses import StatusResponse
from imapproxy.wire.sequence_set import SequenceSet

_COPIES = frozenset((b"COPY", b"UID COPY"))
_MOVES = frozenset((b"MOVE", b"UID MOVE"))
_RENAMES = frozenset((b"RENAME", b"DELETE"))
_FOLLOWED = _COPIES | _MOVES | _RENAMES
# So many messages are told to the store at once, and so many of one command at all: a set of four
# billion UIDs is a few octets on the wire.
_AT_ONCE = 1000
_MAX_COPIED = 100_000
# Octets of a command with literals: a set of messages may be long, and two names are not.
_MAX_GATHERED = 64 * 1024


class _Change:
    """A command that is under way; ``octets`` are what is behind its tag."""

    def __init__(self, octets: bytes, source: Mailbox | None) -> None:
        self.source = source
        self._octets: bytes | None = octets

    def went_on(self, octets: bytes) -> None:
        """More of it was sent."""
        if self._octets is not None:
            is_short = len(self._octets) + len(octets) <= _MAX_GATHERED
            self._octets = self._octets + octets if is_short else None

    @property
    def body(self) -> CommandBody | None:
        """The command; ``None`` where it cannot be read."""
        if self._octets is None:
            return None
        try:
            return decode_command(b"x" + self._octets, lenient=True).body
        except DecodeError:
            return None


class MailboxChanges:
    """Follows one session's commands. ``has_ids`` tells that mailboxes are known by MAILBOXID.

    Which MAILBOXID the target of a copy has nobody says; there EMAILID tells that a copy is one.
    """

    def __init__(
        self, account: bytes, writer: Writer, selected: Selected, *, has_ids: bool
    ) -> None:
        self._account = account
        self._writer = writer
        self._selected = selected
        self._has_ids = has_ids
        self._under_way: dict[RelayedCommand, _Change] = {}
        self._last: _Change | None = None  # the last command that was begun, if it is one

    def relaying(self, command: RelayedCommand, line: ClientLine) -> None:
        """A command is about to be relayed, of which this is the first line."""
        self._last = None
        if command.name in _FOLLOWED:
            self._last = _Change(line.rest, self._selected.mailbox)
            self._under_way[command] = self._last

    def went_on(self, octets: bytes) -> None:
        """More of the last command was sent: a literal, or what is behind one."""
        if self._last is not None:
            self._last.went_on(octets)

    def status(self, line: bytes) -> None:
        """An untagged OK: MOVE tells by it what went where (RFC 6851 section 4.3)."""
        moves = [change for command, change in self._under_way.items() if command.name in _MOVES]
        if len(moves) == 1:  # of several nobody says whose it is
            self._copied(moves[0], line)

    def ended(self, command: RelayedCommand, text: bytes) -> None:
        """The upstream has answered a command that was relayed."""
        change = self._under_way.pop(command, None)
        if change is None or text[:3].upper() != b"OK ":
            return
        match change.body:
            case Copy() | Move():
                self._copied(change, b"* " + text)
            case Rename(mailbox=old, new_name=new):
                self._renamed(canonical_mailbox(old), canonical_mailbox(new))
            case Delete(mailbox=name):
                self._deleted(canonical_mailbox(name))
            case _ if command.name in _RENAMES:
                self._doubt(b"", b"")

    def lost(self) -> None:
        """No answer comes any more: what is under way was done, or it was not."""
        self._last = None
        changes, self._under_way = self._under_way, {}
        for command, change in changes.items():
            match change.body:
                case Rename(mailbox=old, new_name=new):
                    self._doubt(canonical_mailbox(old), canonical_mailbox(new))
                case Delete(mailbox=name):
                    self._doubt(canonical_mailbox(name), b"")
                case _ if command.name in _RENAMES:
                    self._doubt(b"", b"")

    def _copied(self, change: _Change, line: bytes) -> None:
        source, body = change.source, change.body
        if source is None or source.mailbox_id or self._has_ids:
            return
        code = _copy_uid(line)
        if code is None or not isinstance(body, Copy | Move):
            return
        target = Mailbox(self._account, canonical_mailbox(body.mailbox), b"", code.uid_validity)
        pairs = _pairs(code)
        while some := list(islice(pairs, _AT_ONCE)):
            self._writer.copied(source, target, some)

    def _renamed(self, old: WireMailbox, new: WireMailbox) -> None:
        self._doubt(old, new)
        for name in (old, new):
            self._writer.keep_note(self._account, mailbox_key(name), None)
        self._writer.renamed(self._account, old, new)

    def _deleted(self, name: WireMailbox) -> None:
        self._writer.keep_note(self._account, mailbox_key(name), None)
        mailbox = self._selected.mailbox
        if mailbox is not None and mailbox.name == name:
            self._writer.drop(mailbox)
            self._selected.blind("the mailbox was deleted")
        self._writer.drop(Mailbox(self._account, name, b"", 0))

    def _doubt(self, old: bytes, new: bytes) -> None:
        """The selected mailbox may be another one than the name says from now on.

        Inferiors are renamed along; what separates them from ``old`` is not known here.
        """
        mailbox = self._selected.mailbox
        if mailbox is None or mailbox.mailbox_id:
            return
        if mailbox.name.startswith(old) or mailbox.name == new:
            self._selected.blind("a mailbox was renamed or deleted")


def _copy_uid(line: bytes) -> CopyUid | None:
    try:
        response = decode_response(line)
    except DecodeError:
        return None
    code = response.code if isinstance(response, StatusResponse) else None
    return code if isinstance(code, CopyUid) else None


def _pairs(code: CopyUid) -> Iterator[tuple[int, int]]:
    """Old and new UIDs, in the order in which they are told; none if they do not go together."""
    source, destination = _size_of(code.source), _size_of(code.destination)
    if source == destination <= _MAX_COPIED:
        yield from zip(_uids(code.source), _uids(code.destination), strict=True)


def _size_of(uids: SequenceSet) -> int:
    if uids.has_star or uids.is_saved_result:
        return _MAX_COPIED + 1
    return sum(abs(last - first) + 1 for first, last in uids.ranges)


def _uids(uids: SequenceSet) -> Iterator[int]:
    for first, last in uids.ranges:
        yield from range(min(first, last), max(first, last) + 1)
