"""What a client's FETCH asks for, as the cache sees it: what can change, and what cannot.

Pure: a command is taken apart, nothing is looked up.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from imapproxy.cache.derive import Extract, extract_of
from imapproxy.cache.shape import canonical
from imapproxy.cache.store import ATTRIBUTES, Need
from imapproxy.wire.decode_command import decode_command
from imapproxy.wire.encode_fetch_att import encode_fetch_att
from imapproxy.wire.errors import DecodeError, EncodeError
from imapproxy.wire.fetch_att import BodySection, FetchAtt, Item, OpaqueAtt, Partial, Section
from imapproxy.wire.message_commands import Fetch
from imapproxy.wire.sequence_set import SequenceSet

# Kept as they came. FLAGS are kept too, but only the upstream can tell them.
_KEPT = frozenset(ATTRIBUTES) - {"FLAGS"}
_FETCH = re.compile(
    rb" *+(UID ++)?FETCH ++([0-9:*,]++) ++([^\r\n]*[^ \r\n]) *\r\n\Z", re.IGNORECASE
)
_MAX_ATTRIBUTES = 2000  # octets; what is longer is worth no place among those that are remembered
# What an upstream may tell along with what it was asked for.
_ALONG = frozenset((b"FLAGS", b"MODSEQ"))
#: The name of the answer to that.
SIGN = b"BODY[]<0>"
# Asks whether the message can still be read, and sets \Seen where it is not BODY.PEEK.
_TOUCH = Partial(0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The attributes of a FETCH, without the messages.

    ``spelled`` is how the client wrote them. ``kept`` are the attributes of messages that the
    store keeps, ``extracts`` the sections, both by the :func:`canonical` name of their answer.
    ``needs`` is what of sections has to be held, and ``key`` what the answer's shape depends on.
    ``mutable`` is what only the upstream can tell; ``touches`` tells that messages become
    ``\\Seen`` by being asked for this, ``opens`` that the server has to open them to answer.
    """

    spelled: bytes
    by_uid: bool
    names: frozenset[bytes]
    kept: tuple[tuple[bytes, str], ...]
    extracts: tuple[tuple[bytes, Extract], ...]
    mutable: tuple[FetchAtt, ...]
    wants_uid: bool
    touches: bool
    opens: bool
    key: bytes
    needs: tuple[Need, ...]

    @property
    def is_cacheable(self) -> bool:
        """Whether there is anything that the store may hold."""
        return bool(self.kept or self.extracts) or (self.wants_uid and not self.mutable)

    def question(self, *, exact: bool) -> "Question":
        """What the upstream is asked of messages that are held, UID included."""
        atts: list[FetchAtt] = [Item.UID, *(att for att in self.mutable if att is not Item.UID)]
        if self.touches or (exact and self.opens):
            atts.append(BodySection(Section(), peek=not self.touches, partial=_TOUCH))
        words = b"(" + b" ".join(map(encode_fetch_att, atts)) + b")"
        return Question(words, frozenset(map(_name, atts)))

    @property
    def partials(self) -> tuple[tuple[bytes, str], ...]:
        """The names of answers that tell where they begin alone, and the keys to keep them by."""
        return tuple(
            (name, extract.partial_key)
            for name, extract in self.extracts
            if extract.partial_key is not None
        )


class Question(NamedTuple):
    """What the proxy itself asks; ``names`` are the canonical ones that an answer has at least."""

    words: bytes
    names: frozenset[bytes]

    def could_claim(self, other: Asked) -> bool:
        """Whether an answer to ``other`` could be one to this."""
        return self.names <= other.names | _ALONG and other.names <= self.names | _ALONG


class FetchRequest(NamedTuple):
    """A FETCH that the cache may have to do with: which messages, and what of them."""

    sequence_set: SequenceSet
    asked: Asked


def read_fetch_request(rest: bytes) -> FetchRequest | None:
    """Read what follows a command's tag; ``None`` for what is left to the upstream as it is.

    That is: what is no FETCH or cannot be read, asks for a thing twice or for things not known
    here, has modifiers, or means the result of a search.
    """
    found = _FETCH.match(rest)
    if found is None or len(found[3]) > _MAX_ATTRIBUTES:
        return None
    asked = _asked(found[3], found[1] is not None)
    if asked is None:
        return None
    try:
        return FetchRequest(SequenceSet.decode(found[2]), asked)
    except DecodeError:
        return None


@lru_cache(256)
def _asked(spelled: bytes, by_uid: bool) -> Asked | None:
    """What a client asks for; it does so again and again, of other messages."""
    try:
        fetch = decode_command(b"x FETCH 1 " + spelled + b"\r\n", lenient=True).body
        if not isinstance(fetch, Fetch):
            return None
        if fetch.changed_since is not None or fetch.vanished or fetch.parameters:
            return None
        return _taken_apart(fetch.items, spelled, by_uid)
    except (DecodeError, EncodeError):
        return None


def _taken_apart(atts: tuple[FetchAtt, ...], spelled: bytes, by_uid: bool) -> Asked | None:
    names = frozenset(_name(att) for att in atts)
    if len(names) != len(atts) or any(isinstance(att, OpaqueAtt) for att in atts):
        return None
    kept = tuple(
        (_name(att), att.value) for att in atts if isinstance(att, Item) and att.value in _KEPT
    )
    extracts = tuple(
        (_name(att), extract) for att in atts if (extract := extract_of(att)) is not None
    )
    served = {name for name, _ in (*kept, *extracts)} | {b"UID"}
    return Asked(
        spelled,
        by_uid,
        names | ({b"UID"} if by_uid else set()),
        kept,
        extracts,
        tuple(att for att in atts if _name(att) not in served),
        Item.UID in atts or by_uid,
        any(att.sets_seen for att in atts),
        bool(extracts),
        _key(spelled, by_uid=by_uid),
        tuple(extract.need for _, extract in extracts),
    )


def _key(spelled: bytes, *, by_uid: bool) -> bytes:
    # Where UID is asked for first both commands have answers of one shape: from a server that keeps
    # to the order of asking, and from one that has an order of its own (tests/real/test_shapes.py).
    # Elsewhere they have not. Dovecot tells the UID of a UID FETCH first, wherever it stood, and
    # some tell one that was not asked for last.
    is_same = spelled[:5].upper() == b"(UID "
    return (b"UID FETCH " if by_uid and not is_same else b"FETCH ") + spelled


def _name(att: FetchAtt) -> bytes:
    return canonical(att.response_name.encode("ascii", "replace"))
