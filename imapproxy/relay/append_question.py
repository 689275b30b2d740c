"""Whether an APPEND was done whose answer was lost.

It was, if a message with its Message-ID and its size is behind the UIDs that there were when it was
said, and one only. So it is known for the mailbox alone that is selected.
"""

import re
from collections import Counter

from imapproxy.relay.client_line import ClientLine
from imapproxy.relay.outcomes import found_by, size_of
from imapproxy.relay.resume import Known
from imapproxy.upstream.client import ImapClient
from imapproxy.wire.mailbox import canonical_mailbox

# One message, in a literal; a mailbox name without escapes.
_APPEND = re.compile(
    rb' +APPEND +(?:"([^"\\\r\n]*)"|([^ ("{\r\n]+))(?: +\([^()\r\n]*\))?(?: +"[^"\r\n]*")?'
    rb" +~?\{([0-9]+)\+?\}\r\n",
    re.IGNORECASE,
)
# Ids that can stand in a quoted string. One that is folded, or with comments, is not looked for.
_MESSAGE_ID = re.compile(rb"^Message-ID:[ \t]*(<[!#-\[\]-~]+>)[ \t]*\r\n", re.I | re.M)
_END_OF_HEADER = re.compile(rb"^\r\n", re.MULTILINE)
_MAX_APPENDED = 4096  # messages; behind that none is looked for any more
_MAX_HEADER = 64 * 1024  # octets that are kept to look for it


class Appended:
    """The messages that a session has said in APPENDs, so that none is taken for another."""

    def __init__(self) -> None:
        self._times: Counter[tuple[bytes, int]] = Counter()

    def add(self, identity: tuple[bytes, int]) -> None:
        """One was said."""
        if len(self._times) < _MAX_APPENDED:
            self._times[identity] += 1

    def was_said_once(self, identity: tuple[bytes, int]) -> bool:
        """Whether it is known to have been said once only."""
        return len(self._times) < _MAX_APPENDED and self._times[identity] == 1


class AppendQuestion:
    """Sees the octets of the command go by. See :class:`imapproxy.relay.outcomes.Question`.

    ``floor`` is a UID that no message had when it was said, nor any before it.
    """

    def __init__(
        self, mailbox: bytes, uid_validity: int, floor: int, size: int, appended: Appended
    ) -> None:
        self._appended = appended
        self._mailbox = mailbox
        self._uid_validity = uid_validity
        self._floor = floor
        self._size = size
        self._header = b""
        self._seen = 0  # octets of the literal
        self._rest = b""  # what came behind it

    def went_on(self, octets: bytes) -> None:
        """More of the command was said."""
        of_literal = octets[: self._size - self._seen]
        self._seen += len(of_literal)
        if len(self._header) < _MAX_HEADER:
            self._header += of_literal[: _MAX_HEADER - len(self._header)]
        self._rest = (self._rest + octets[len(of_literal) :])[:3]
        identity = self.identity if self._is_whole else None
        if identity is not None:
            self._appended.add(identity)

    @property
    def _is_whole(self) -> bool:
        """Whether all of it was said, and one message was all."""
        return self._seen == self._size and self._rest == b"\r\n"

    @property
    def identity(self) -> tuple[bytes, int] | None:
        """Message-ID and size; ``None`` if there is not the one Message-ID."""
        end = _END_OF_HEADER.search(self._header)
        if end is None:
            return None
        found = _MESSAGE_ID.findall(self._header, 0, end.start())
        return (found[0], self._size) if len(found) == 1 else None

    @property
    def may_ask(self) -> bool:
        """See :class:`imapproxy.relay.outcomes.Question`."""
        identity = self.identity
        return self._is_whole and identity is not None and self._appended.was_said_once(identity)

    def about(self, mailbox: bytes, uid_validity: int) -> bool:
        """See :class:`imapproxy.relay.outcomes.Question`."""
        return (mailbox, uid_validity) == (self._mailbox, self._uid_validity)

    async def ask(self, client: ImapClient, *, has_uidplus: bool) -> bytes | None:
        """See :class:`imapproxy.relay.outcomes.Question`."""
        if self.identity is None:
            return None
        message_id, size = self.identity
        criteria = b'UID %d:* HEADER Message-ID "%b"' % (self._floor, message_id)
        found = await found_by(client, criteria)
        # "n:*" is the last message, too, where all are below n (RFC 9051 section 9, seq-range).
        uids = [uid for uid in found or () if uid >= self._floor]
        if len(uids) != 1 or await size_of(client, uids[0]) != size:
            return None
        code = b"[APPENDUID %d %d] " % (self._uid_validity, uids[0]) if has_uidplus else b""
        return b"OK %bAppend completed.\r\n" % code


def append_question(
    line: ClientLine, mailbox: bytes, known: Known, appended: Appended
) -> AppendQuestion | None:
    """For an APPEND to ``mailbox``, which is selected; ``known`` is what it holds."""
    found = _APPEND.fullmatch(line.rest)
    if found is None or canonical_mailbox(found[1] or found[2] or b"") != mailbox:
        return None
    floor = _floor(known)
    if not floor:
        return None
    return AppendQuestion(mailbox, known.uid_validity, floor, int(found[3]), appended)


def _floor(known: Known) -> int:
    """The lowest UID that no message can have had; 0 if that is not known."""
    view = known.view
    last = view.uid(view.exists) if view.exists else 0
    if view.exists and not last:
        return 0  # there are messages behind those of which UIDNEXT was told, or may be
    return max(known.uid_next, last + 1) if known.uid_next or last else 0
