"""Address lists of a header, as ENVELOPE tells them (RFC 5322 section 3.4, RFC 9051 7.5.2).

What is no address is told as far as it can be read; the words for what is missing are Dovecot's.
"""

import re
from typing import NamedTuple

_MISSING_MAILBOX = b"MISSING_MAILBOX"
_MISSING_DOMAIN = b"MISSING_DOMAIN"
_SYNTAX_ERROR = b"SYNTAX_ERROR"

# atext, the dot, and octets over 0x7f: UTF-8 (RFC 6532), or what old programs wrote.
_ATEXT = rb"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\x80-\xff.]"
_WORD = re.compile(_ATEXT + rb"++")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_DOMAIN_LITERAL = re.compile(rb"\[[^\]]*+\]")
_WHITE = re.compile(rb"[ \t\r\n]+")
_FOLDED = re.compile(rb"\r?\n[ \t]*")

# Nearly all addresses are such: with a name before it, or bare.
_PLAIN = re.compile(
    rb"[ \t\r\n]*(?:(?:(?:\"([^\"\\\r\n\t]*+)\"|(" + _ATEXT + rb"++(?: " + _ATEXT + rb"++)*+))"
    rb"[ \t]*)?<(" + _ATEXT + rb"++)@(" + _ATEXT + rb"++)>|"
    rb"(" + _ATEXT + rb"++)@(" + _ATEXT + rb"++))[ \t]*(?:,|\Z)"
)


class Address(NamedTuple):
    """The four strings of an address structure, ``None`` for NIL.

    The start of a group has its name as ``mailbox`` and no ``host``; its end has neither.
    """

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


GROUP_END = Address(None, None, None, None)


def parse_addresses(value: bytes) -> list[Address]:
    """The addresses of a field's value; what follows a mistake is left out."""
    value = value.rstrip()
    plain = _plain_addresses(value)
    return _Parser(value).address_list() if plain is None else plain


def _plain_addresses(value: bytes) -> list[Address] | None:
    """The addresses of a list of plain ones; ``None`` for any other."""
    addresses: list[Address] = []
    at = 0
    while at < len(value):
        found = _PLAIN.match(value, at)
        if found is None:
            return None
        quoted, words, mailbox, host, bare_mailbox, bare_host = found.groups()
        name = quoted or words or None
        if name is not None and _name(name) != name:
            return None
        addresses.append(Address(name, None, mailbox or bare_mailbox, host or bare_host))
        at = found.end()
    return addresses


class _Parser:
    """A place in the value; each method reads a rule there and moves on."""

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.at = 0
        self.comment: bytes | None = None

    def address_list(self) -> list[Address]:
        addresses: list[Address] = []
        in_group = False
        self.skip_white()
        while self.at < len(self.value):
            address = self.address()
            if address.host is None and address.mailbox is not None and not in_group:
                in_group = True
                addresses.append(address)
                in_group = not self.group_ends_at_once(addresses)
            elif address.host is not None:
                addresses.append(address)
            if not self.separator(addresses, in_group):
                break
            in_group = in_group and addresses[-1] is not GROUP_END
        if in_group and addresses[-1] is not GROUP_END:
            addresses.append(GROUP_END)
        return addresses

    def group_ends_at_once(self, addresses: list[Address]) -> bool:
        self.skip_white()
        if not self.skip(b";"):
            return False
        addresses.append(GROUP_END)
        return True

    def separator(self, addresses: list[Address], in_group: bool) -> bool:
        """Read what stands between two addresses; false where nothing sensible follows."""
        last = addresses[-1] if addresses else None
        if last is not None and last.host is None and last is not GROUP_END:
            return self.at < len(self.value)  # behind the colon of a group
        self.skip_white()
        if in_group and self.skip(b";"):
            addresses.append(GROUP_END)
            self.skip_white()
        if self.skip(b","):
            self.skip_white()
            return True
        return False

    def address(self) -> Address:
        self.comment = None
        start = self.at
        phrase = self.phrase()
        if self.skip(b"<"):
            return self.angle_address(phrase)
        if phrase and self.skip(b":"):
            return Address(None, None, phrase, None)
        return self.bare_address(start, phrase)

    def angle_address(self, phrase: bytes | None) -> Address:
        self.skip_white()
        route = self.route()
        mailbox = self.local_part() or _MISSING_MAILBOX
        host: bytes = _MISSING_DOMAIN
        if self.skip(b"@"):
            host = self.domain() or _MISSING_DOMAIN
        self.skip_white()
        if not self.skip(b">"):
            host = _SYNTAX_ERROR
            self.at = len(self.value)
        return Address(_name(phrase), route, mailbox, host)

    def bare_address(self, start: int, phrase: bytes | None) -> Address:
        after_phrase, self.at = self.at, start
        is_quoted = self.value.startswith(b'"', start)
        mailbox = self.local_part()
        if self.skip(b"@"):
            host = self.domain() or _MISSING_DOMAIN
            self.skip_white()
            if mailbox is None:
                mailbox = _MISSING_MAILBOX
            return Address(_name(self.comment), None, mailbox, host)
        if mailbox and not is_quoted and self.at >= after_phrase:
            return Address(_name(self.comment), None, mailbox, _MISSING_DOMAIN)
        self.at = after_phrase
        return Address(_name(phrase), None, _MISSING_MAILBOX, _MISSING_DOMAIN)

    def phrase(self) -> bytes | None:
        words: list[bytes] = []
        while True:
            self.skip_white()
            word = self.word()
            if word is None:
                return b" ".join(words) if words else None
            words.append(word)

    def word(self) -> bytes | None:
        found = _WORD.match(self.value, self.at)
        if found is not None:
            self.at = found.end()
            return found[0]
        return self.quoted()

    def quoted(self) -> bytes | None:
        found = _QUOTED.match(self.value, self.at)
        if found is None:
            return None
        self.at = found.end()
        return _ESCAPED.sub(rb"\1", found[1])

    def local_part(self) -> bytes | None:
        self.skip_white()
        if self.value.startswith(b'"', self.at):
            part = self.quoted()
        else:
            found = _WORD.match(self.value, self.at)
            part = found[0] if found is not None else None
            self.at = found.end() if found is not None else self.at
        self.skip_white()
        return part

    def domain(self) -> bytes | None:
        self.skip_white()
        found = _DOMAIN_LITERAL.match(self.value, self.at) or _WORD.match(self.value, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[0]

    def route(self) -> bytes | None:
        """The obsolete ``@a,@b:`` before an address (RFC 5322 section 4.4)."""
        if not self.value.startswith(b"@", self.at):
            return None
        end = self.value.find(b":", self.at)
        if end < 0:
            return None
        route = _WHITE.sub(b"", self.value[self.at : end])
        self.at = end + 1
        return route

    def skip(self, octet: bytes) -> bool:
        if self.value.startswith(octet, self.at):
            self.at += 1
            return True
        return False

    def skip_white(self) -> None:
        while True:
            found = _WHITE.match(self.value, self.at)
            if found is not None:
                self.at = found.end()
            if not self.value.startswith(b"(", self.at):
                return
            self.skip_comment()

    def skip_comment(self) -> None:
        depth, start = 0, self.at + 1
        while self.at < len(self.value):
            octet = self.value[self.at]
            self.at += 2 if octet == 0x5C else 1
            depth += (octet == 0x28) - (octet == 0x29)
            if not depth:
                break
        self.at = min(self.at, len(self.value))
        self.comment = _ESCAPED.sub(rb"\1", self.value[start : self.at - 1])


def _name(name: bytes | None) -> bytes | None:
    if not name:
        return None
    return _WHITE.sub(b" ", _FOLDED.sub(b" ", name)).strip(b" ")
