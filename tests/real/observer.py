"""A third connection, straight to the server, that only looks: what is true of a message."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.real.dovecot import Account
from tests.real.fetch_response import FetchResponse, fetch_response, string_octets
from tests.real.raw import RawClient, Response

_CONSTANT = re.compile(
    rb"(?:BODY\[|BINARY\[|BINARY\.SIZE\[|BODY\Z|BODYSTRUCTURE\Z|ENVELOPE\Z|INTERNALDATE\Z|RFC822)"
)
_PARTIAL = re.compile(rb"<(\d+)>\Z")
_VALIDITY = re.compile(rb"\* OK \[UIDVALIDITY (\d+)\]")

Wanted = tuple[int, bytes]


def is_constant(name: bytes) -> bool:
    """Whether what this item says of a message can never change."""
    return bool(_CONSTANT.match(name))


@dataclass(frozen=True)
class Value:
    """The true value of an item, whole even where a part of it was asked for."""

    octets: bytes

    def agrees(self, name: bytes, told: bytes, lengths: tuple[int | None, ...]) -> bool:
        """Tell whether ``told`` is this, or that part of it; ``lengths`` were asked for."""
        partial = _PARTIAL.search(name)
        if partial is None:
            return told == self.octets
        whole, part = string_octets(self.octets), string_octets(told)
        if whole is None or part is None:
            return whole is part
        origin = int(partial[1])
        ends = [len(whole) if length is None else origin + length for length in lengths]
        return part in [whole[origin:end] for end in ends]


@dataclass(frozen=True)
class State:
    """A mailbox at a moment: flags by UID, in the order of the messages."""

    uid_validity: int
    flags: Mapping[int, frozenset[bytes]]


class Observer:
    """Asks with EXAMINE, so that nothing becomes ``\\Seen`` and nothing loses ``\\Recent``."""

    def __init__(self, port: int, account: Account) -> None:
        self._client = RawClient(port)
        self._client.ok(f"LOGIN {account.user} {account.password}".encode())
        self._known: dict[tuple[bytes, int, int, bytes], Value] = {}

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def state(self, mailbox: bytes) -> State | None:
        """Return the flags of all messages; ``None`` of a mailbox that is not there."""
        uid_validity = self._examine(mailbox)
        if uid_validity is None:
            return None
        fetches = _fetches(self._client.command(b"UID FETCH 1:* (FLAGS)"))
        self._client.ok(b"UNSELECT")
        return State(
            uid_validity,
            {fetch.uid: fetch.flags or frozenset() for fetch in fetches if fetch.uid is not None},
        )

    def items(
        self, mailbox: bytes, uid_validity: int, wanted: Iterable[Wanted]
    ) -> dict[Wanted, Value]:
        """Return the values that can be had; what was expunged before it was seen is missing."""
        wanted = set(wanted)
        keys = {(uid, name): (mailbox, uid_validity, uid, _whole(name)) for uid, name in wanted}
        missing = {key[2:] for key in keys.values() if key not in self._known}
        if missing and self._examine(mailbox) == uid_validity:
            uids = b",".join(b"%d" % uid for uid in sorted({uid for uid, _ in missing}))
            names = b" ".join(sorted({name for _, name in missing}))
            for fetch in _fetches(self._client.command(b"UID FETCH %b (%b)" % (uids, names))):
                for name, value in fetch.items:
                    self._known[mailbox, uid_validity, fetch.uid or 0, name] = Value(value)
            self._client.ok(b"UNSELECT")
        return {item: self._known[key] for item, key in keys.items() if key in self._known}

    def _examine(self, mailbox: bytes) -> int | None:
        name = mailbox.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        responses = self._client.command(b'EXAMINE "%b"' % name)
        if not responses[-1].octets.startswith(b"t OK"):
            return None
        for response in responses:
            if match := _VALIDITY.match(response.octets):
                return int(match[1])
        raise AssertionError(f"no UIDVALIDITY: {responses}")


def _whole(name: bytes) -> bytes:
    return _PARTIAL.sub(b"", name)


def _fetches(responses: Iterable[Response]) -> list[FetchResponse]:
    fetches = (fetch_response(response.octets) for response in responses)
    return [fetch for fetch in fetches if fetch is not None]
