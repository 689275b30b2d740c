"""What kind of response it is, and in which of its places order counts for nothing."""

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.conformance.nodes import Atom, Hole, Node, Reader, Rest, String, Unreadable

CONDITIONS = (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH")
_STATUS = re.compile(rb"((?:OK|NO|BAD|BYE|PREAUTH)(?:\|(?:OK|NO|BAD))*)(?: |\Z)")
_SETS = {b"CAPABILITY", b"ENABLED", b"SEARCH"}


@dataclass(frozen=True)
class Status:
    """``OK [code] text``, tagged or untagged; in a script ``conditions`` may be several."""

    conditions: tuple[bytes, ...]
    code: tuple[Node, ...] | None
    text: bytes
    tagged: bool = False


@dataclass(frozen=True)
class Continuation:
    """``+ text``"""

    text: bytes


@dataclass(frozen=True)
class Data:
    """All else that is untagged. ``parts`` are compared by name, in any order."""

    name: bytes
    number: Node | None
    parts: tuple["Part", ...]


@dataclass(frozen=True)
class Part:
    """A piece of a response: ``unordered`` says that its nodes are a set."""

    name: bytes
    nodes: tuple[Node, ...]
    unordered: bool = False


Response = Status | Continuation | Data


def read_response(octets: bytes, messages: Mapping[str, bytes] | None = None) -> Response:
    """Read a response without its tag, ``*`` and all: ``octets`` is what the wire or script had.

    Raises ``Unreadable``.
    """
    octets = octets.removesuffix(b"\r\n")
    if octets.startswith(b"+"):
        return Continuation(octets[2:])
    if not octets.startswith(b"* "):
        return _status(octets, messages, tagged=True)
    rest = octets[2:]
    if _STATUS.match(rest):
        return _status(rest, messages, tagged=False)
    return _data(Reader(rest, messages).nodes())


def _status(octets: bytes, messages: Mapping[str, bytes] | None, *, tagged: bool) -> Status:
    found = _STATUS.match(octets)
    if found is None:
        raise Unreadable(f"no OK, NO or BAD: {octets!r}")
    reader = Reader(octets[found.end() :], messages)
    code = reader.code()
    return Status(tuple(found[1].split(b"|")), code, reader.rest(), tagged)


def _data(nodes: tuple[Node, ...]) -> Data:
    number: Node | None = None
    if not isinstance(nodes[0], Atom) or nodes[0].text.isdigit():
        number, nodes = nodes[0], nodes[1:]
    if not nodes or not isinstance(nodes[0], Atom):
        raise Unreadable(f"no name of a response in {nodes!r}")
    name, arguments = nodes[0].text.upper(), nodes[1:]
    return Data(name, number, tuple(_parts(name, arguments)))


def _parts(name: bytes, arguments: tuple[Node, ...]) -> Iterable[Part]:
    if name in _SETS:
        yield Part(b"", arguments, unordered=True)
    elif name == b"FETCH" and len(arguments) == 1 and isinstance(arguments[0], tuple):
        yield from _pairs(arguments[0])
    elif name == b"FLAGS" and len(arguments) == 1 and isinstance(arguments[0], tuple):
        yield Part(b"", arguments[0], unordered=True)
    elif name in (b"LIST", b"LSUB") and len(arguments) >= 3:
        yield from _listed(arguments)
    elif (
        name in (b"STATUS", b"METADATA") and len(arguments) == 2 and isinstance(arguments[1], tuple)
    ):
        yield Part(b"mailbox", (mailbox(arguments[0]),))
        yield from _pairs(tuple(map(_entry, arguments[1])) if name == b"METADATA" else arguments[1])
    elif name == b"ESEARCH":
        yield from _esearch(arguments)
    elif name == b"ID" and len(arguments) == 1 and isinstance(arguments[0], tuple):
        yield from _pairs(arguments[0])
    elif name in (b"ACL", b"MYRIGHTS", b"LISTRIGHTS", b"QUOTAROOT"):
        yield Part(b"mailbox", (mailbox(arguments[0]),))
        yield from _rights(name, arguments[1:])
    elif name == b"VANISHED":
        yield Part(b"earlier", arguments[:-1])
        yield Part(b"uids", (uid_set(arguments[-1]),))
    else:
        yield Part(b"", arguments)


def _entry(node: Node) -> Node:
    """The name of an entry (RFC 5464 section 5): bare and quoted are the same; values are not."""
    if isinstance(node, String) and re.match(rb"/(?:private|shared)/", node.octets, re.IGNORECASE):
        return Atom(node.octets)
    return node


def _listed(arguments: tuple[Node, ...]) -> Iterable[Part]:
    attributes, delimiter, name, *extended = arguments
    if not isinstance(attributes, tuple):
        raise Unreadable(f"no attributes: {attributes!r}")
    yield Part(b"attributes", attributes, unordered=True)
    yield Part(b"delimiter", (delimiter,))
    yield Part(b"mailbox", (mailbox(name),))
    yield Part(b"extended", tuple(extended))


def _rights(name: bytes, arguments: tuple[Node, ...]) -> Iterable[Part]:
    """What is behind the mailbox (RFC 4314 section 3): in which order rights are told is free."""
    if name == b"ACL" and len(arguments) % 2:
        raise Unreadable(f"identifiers and rights expected: {arguments!r}")
    if name == b"ACL":
        pairs = zip(arguments[::2], arguments[1::2], strict=True)
        yield Part(b"acl", tuple((who, rights(what)) for who, what in pairs), unordered=True)
    elif name == b"MYRIGHTS":
        yield Part(b"rights", tuple(map(rights, arguments)))
    else:
        yield Part(b"", arguments[:1])
        yield Part(b"more", arguments[1:], unordered=True)


def _pairs(nodes: tuple[Node, ...]) -> Iterable[Part]:
    nodes, rest = _without_rest(nodes)
    if len(nodes) % 2:
        raise Unreadable(f"names and values expected: {nodes!r}")
    for name, value in zip(nodes[::2], nodes[1::2], strict=True):
        if isinstance(name, Hole | Rest | tuple):
            raise Unreadable(f"no name: {name!r}")
        text = name.text.upper() if isinstance(name, Atom) else name.octets.lower()
        if isinstance(value, tuple) and text in (b"FLAGS", b"X-GM-LABELS"):
            yield Part(text, value, unordered=True)
        elif text == b"INTERNALDATE" and isinstance(value, String):
            yield Part(text, (_in_utc(value),))
        else:
            yield Part(text, (value,))
    yield from rest


def _in_utc(date: String) -> String:
    """A moment, whatever zone it is told in: which one is the server's choice."""
    try:
        moment = datetime.datetime.strptime(date.octets.decode(), "%d-%b-%Y %H:%M:%S %z")
    except ValueError:
        raise Unreadable(f"no date-time: {date.octets!r}") from None
    return String(f"{moment.astimezone(datetime.UTC):%d-%b-%Y %H:%M:%S +0000}".encode())


def _esearch(arguments: tuple[Node, ...]) -> Iterable[Part]:
    rest = list(arguments)
    if rest and isinstance(rest[0], tuple):
        yield Part(b"correlator", (rest.pop(0),))
    if rest and isinstance(rest[0], Atom) and rest[0].text.upper() == b"UID":
        yield Part(b"UID", (rest.pop(0),))
    for part in _pairs(tuple(rest)):
        if part.name == b"ALL":
            yield Part(part.name, (uid_set(part.nodes[0]),))
        else:
            yield part


def _without_rest(nodes: tuple[Node, ...]) -> tuple[tuple[Node, ...], list[Part]]:
    if nodes and isinstance(nodes[-1], Rest):
        return nodes[:-1], [Part(b"...", ())]
    return nodes, []


def mailbox(node: Node) -> Node:
    """The name of a mailbox: bare and quoted are the same, and so are all spellings of INBOX."""
    if isinstance(node, Atom | String):
        octets = node.text if isinstance(node, Atom) else node.octets
        return String(b"INBOX" if octets.upper() == b"INBOX" else octets)
    return node


def rights(node: Node) -> Node:
    """Rights in the order of the alphabet."""
    octets = (
        node.text if isinstance(node, Atom) else node.octets if isinstance(node, String) else b""
    )
    return String(bytes(sorted(octets))) if octets else node


def uid_set(node: Node) -> Node:
    """A set of numbers written out: ``1:3,5`` is ``1,2,3,5``."""
    if not isinstance(node, Atom) or not re.fullmatch(rb"[\d:,]+", node.text):
        return node
    numbers: list[int] = []
    for part in node.text.split(b","):
        low, _, high = part.partition(b":")
        ends = sorted((int(low), int(high or low)))
        numbers += range(ends[0], ends[1] + 1) if ends[1] - ends[0] < 10_000 else ends
    return Atom(b",".join(b"%d" % number for number in numbers))
