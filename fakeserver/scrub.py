"""Taking out of conversations what is nobody's business: credentials, addresses, host names.

Each e-mail address and host name becomes another of the same length, the same one each time, so
that sizes of literals stay right and what belongs together still does. What a message has in base64
or quoted-printable stays as it is: look a recording through before you show it to others.
"""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator

from fakeserver.conversation import Conversation, Entry
from fakeserver.transcript import HIDDEN

_LOGIN = re.compile(rb"(\S+ +LOGIN) +(.+?)\r\n\Z", re.IGNORECASE | re.DOTALL)
_AUTHENTICATE = re.compile(rb"(\S+ +AUTHENTICATE +\S+)(?: +(\S+))?\r\n\Z", re.IGNORECASE)
_ANNOUNCEMENT = re.compile(rb"\{\d+\+?\}\r\n\Z")
_TAGGED = re.compile(rb"[^\s+*]\S* (?:OK|NO|BAD)\b")
_WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"|([^\s"{]+)')
_HOST = rb"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
_ADDRESS = re.compile(rb"([A-Za-z0-9._%+=-]+)@(" + _HOST + rb")")
# The last two of an address in an ENVELOPE: mailbox and host (RFC 3501 section 7.4.2).
_ENVELOPE_ADDRESS = re.compile(rb'"([^"\r\n]+)" "(' + _HOST + rb')"\)')
_IP = re.compile(rb"(?<!BODY)(?<!PEEK)\[(?:\d{1,3}\.){3}\d{1,3}\]")
_BEARER = re.compile(rb"(?:user|a)=([^\x01,]+)|Bearer ([^\x01]+)", re.IGNORECASE)
# Names that are shorter, or words of the protocol, are in too many places that are none of them.
_SHORTEST = 3
_NOT_NAMES = re.compile(rb"inbox|imap\w*|uid|search|fetch|flags?|list|seen|test", re.IGNORECASE)


def scrub(conversations: Iterable[Conversation], hosts: Iterable[str] = ()) -> list[Conversation]:
    """Conversations that can be shown; ``hosts`` are taken out besides those of addresses."""
    conversations = list(conversations)
    names = _Names()
    hidden = []
    for conversation in conversations:
        entries = list(_without_credentials(conversation.entries, names))
        hidden.append(Conversation(conversation.title, entries))
    for host in hosts:
        names.learn_host(host.encode())
    for conversation in hidden:
        names.learn_from(b"".join(octets for _, octets in conversation.entries))
    return [
        Conversation(one.title, [(who, names.scrub(octets)) for who, octets in one.entries])
        for one in hidden
    ]


class _Names:
    """What was learned of names, and what each of them becomes."""

    def __init__(self) -> None:
        # A key of this run alone: nobody can try names until one fits.
        self._key = secrets.token_bytes(16)
        self._words: set[bytes] = set()
        self._pattern: re.Pattern[bytes] | None = None

    def learn_host(self, host: bytes) -> None:
        """A host, and the domain it is in."""
        labels = host.lower().split(b".")
        self._words.update(b".".join(labels[at:]) for at in range(max(1, len(labels) - 1)))

    def learn_word(self, word: bytes) -> None:
        """A user name or password, wherever it stands."""
        if len(word) >= _SHORTEST and _NOT_NAMES.fullmatch(word) is None:
            self._words.add(word.lower())

    def learn_from(self, octets: bytes) -> None:
        """Whatever looks like an address."""
        for pattern in (_ADDRESS, _ENVELOPE_ADDRESS):
            for _, host in pattern.findall(octets):
                self.learn_host(host)

    def scrub(self, octets: bytes) -> bytes:
        """The octets with each name as another."""
        octets = _IP.sub(lambda found: self._other(found[0]), octets)
        octets = _ADDRESS.sub(self._other_address, octets)
        octets = _ENVELOPE_ADDRESS.sub(self._other_in_envelope, octets)
        if self._pattern is None and self._words:
            longest_first = sorted(self._words, key=len, reverse=True)
            words = b"|".join(map(re.escape, longest_first))
            self._pattern = re.compile(rb"(?<!\w)(?:" + words + rb")(?!\w)", re.IGNORECASE)
        if self._pattern is None:
            return octets
        return self._pattern.sub(lambda found: self._other_word(found[0]), octets)

    def _other_address(self, found: re.Match[bytes]) -> bytes:
        return self._other(found[1]) + b"@" + self._other_word(found[2])

    def _other_in_envelope(self, found: re.Match[bytes]) -> bytes:
        return b'"%b" "%b")' % (self._other(found[1]), self._other_word(found[2]))

    def _other_word(self, word: bytes) -> bytes:
        """Of a host each label by itself, so that a host stays within its domain."""
        labels = word.split(b".")
        return b".".join([*map(self._other, labels[:-1]), self._other_end(labels)])

    def _other_end(self, labels: list[bytes]) -> bytes:
        return labels[-1] if len(labels) > 1 else self._other(labels[-1])

    def _other(self, word: bytes) -> bytes:
        """Another word of the same length: letters for letters, figures for figures."""
        wanted = len(word) + 1
        digest = hashlib.shake_256(self._key + word.lower()).digest(wanted)
        return bytes(map(_other_octet, word, digest))


def _other_octet(octet: int, chance: int) -> int:
    if 0x41 <= octet <= 0x5A:
        return 0x41 + chance % 26
    if 0x61 <= octet <= 0x7A:
        return 0x61 + chance % 26
    return 0x30 + chance % 10 if 0x30 <= octet <= 0x39 else octet


def _without_credentials(entries: Iterable[Entry], names: _Names) -> Iterator[Entry]:
    """LOGIN and AUTHENTICATE without what they are given; ``names`` learns who it was."""
    waiting = b""  # the name of the command whose lines are hidden, until its tagged reply
    literal = False
    for who, octets in entries:
        if who == "S":
            if waiting and _TAGGED.match(octets):
                waiting = b""
            if waiting and octets.startswith(b"+"):
                # What a server asks can tell who is asked; literals are not announced any more.
                if waiting == b"AUTHENTICATE":
                    yield who, b"+ \r\n"
                continue
            yield who, octets
        elif waiting == b"LOGIN" and literal:
            literal = _ANNOUNCEMENT.search(octets) is not None
            _learn(octets, names)
        elif waiting == b"AUTHENTICATE":
            _learn_sasl(octets.strip(), names)
            yield who, HIDDEN + b"\r\n"
        elif (found := _LOGIN.match(octets)) is not None:
            waiting, literal = b"LOGIN", _ANNOUNCEMENT.search(octets) is not None
            _learn(found[2], names)
            yield who, found[1] + b" " + HIDDEN + b"\r\n"
        elif (found := _AUTHENTICATE.match(octets)) is not None:
            waiting = b"AUTHENTICATE"
            _learn_sasl(found[2] or b"", names)
            yield who, found[1] + (b" " + HIDDEN if found[2] else b"") + b"\r\n"
        else:
            yield who, octets


def _learn(octets: bytes, names: _Names) -> None:
    for quoted, atom in _WORD.findall(octets):
        names.learn_word(re.sub(rb"\\(.)", rb"\1", quoted) or atom)


def _learn_sasl(octets: bytes, names: _Names) -> None:
    try:
        response = base64.b64decode(octets, validate=True)
    except binascii.Error:
        return
    bearer = [word for found in _BEARER.findall(response) for word in found]
    for word in bearer or response.split(b"\0"):
        names.learn_word(word)
