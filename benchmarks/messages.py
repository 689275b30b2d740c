"""Messages like those in a real mailbox, the same ones for the same seed.

What a benchmark of IMAP is sensitive to: how large the messages are (see :func:`message_size`) and
how much their ENVELOPE holds, thus how many addresses, encoded words and message ids they have.
"""

import base64
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import NamedTuple

SEED = 20

_FIRST_ARRIVAL = 1_500_000_000
_SECONDS_BETWEEN = 9_000
_FLAGS = ("S", "S", "S", "S", "RS", "FS", "FRS", "")

_NAMES = (
    "Ada Byron", "Grace Murray", "Alan M. Turing", "Edsger Dijkstra", "Barbara Huberman",
    '"Knuth, Donald"', "=?UTF-8?Q?J=C3=BCrgen_M=C3=BCller?=", "=?ISO-8859-1?Q?Andr=E9?= Martin",
    "Team Calendar", "no-reply", "Build Robot", "=?UTF-8?B?5bGx55Sw5aSq6YOO?=",
)  # fmt: skip
_DOMAINS = ("example.org", "example.com", "mail.example.net", "lists.example.org")
_WORDS = (
    "the", "quarter", "release", "meeting", "invoice", "please", "review", "attached", "weekly",
    "notes", "about", "schedule", "customer", "thread", "and", "server", "on", "Thursday", "draft",
    "of", "proposal", "travel", "reminder", "agenda", "question", "for", "version", "contract",
)  # fmt: skip


class MadeMessage(NamedTuple):
    """RFC 5322 octets, flags in Maildir's letters, arrival in seconds since 1970."""

    octets: bytes
    flags: str
    arrived: int


def make_messages(count: int, seed: int = SEED) -> Iterator[MadeMessage]:
    """Make ``count`` messages, in UID order; 10,000 are 126 MB."""
    chance = random.Random(seed)
    filler = _Filler(chance)
    for number in range(count):
        arrived = _FIRST_ARRIVAL + number * _SECONDS_BETWEEN
        head = _head(chance, number, arrived)
        body = _body(filler, number, message_size(chance, number) - len(head))
        yield MadeMessage(head + body, chance.choice(_FLAGS), arrived)


def message_size(chance: random.Random, number: int) -> int:
    """Draw a size in octets, long-tailed: the median is 8 KB, one message in fifty has up to
    300 KB and one in five hundred up to 2 MB.
    """
    if number % 500 == 250:
        return chance.randrange(300_000, 2_000_000)
    if number % 50 == 25:
        return chance.randrange(20_000, 300_000)
    return round(chance.triangular(1_800, 12_200, 8_800))


def _head(chance: random.Random, number: int, arrived: int) -> bytes:
    """Headers as they are after three hops: about 1,500 octets."""
    date = format_datetime(datetime.fromtimestamp(arrived, UTC))
    domain = chance.choice(_DOMAINS)
    lines = [f"Return-Path: <bounce-{number}@{domain}>"]
    for hop in range(3):
        lines.append(
            f"Received: from mx{hop}.{domain} (mx{hop}.{domain} [192.0.2.{hop}])\r\n"
            f"\tby mx{hop + 1}.example.org (Postfix) with ESMTPS id {chance.getrandbits(64):X}\r\n"
            f"\tfor <user@example.org>; {date}"
        )
    signature = base64.b64encode(chance.randbytes(192)).decode()
    lines.append(
        f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=mail;\r\n"
        f"\th=from:to:subject:date:message-id; b={signature[:60]}\r\n"
        + "\r\n".join(f"\t {signature[at : at + 64]}" for at in range(60, len(signature), 64))
    )
    lines.append(f"Date: {date}")
    lines.append(f"From: {_address(chance)}")
    lines.append(
        f"To: {', '.join(_address(chance) for _ in range(chance.choice((1, 1, 1, 2, 4))))}"
    )
    if chance.random() < 0.3:
        lines.append("Cc: " + ",\r\n ".join(_address(chance) for _ in range(chance.randint(1, 5))))
    reply = number and chance.random() < 0.5
    lines.append(f"Subject: {'Re: ' if reply else ''}{_subject(chance)}")
    lines.append(f"Message-ID: {_message_id(number)}")
    if reply:
        first = _message_id(chance.randrange(number))
        lines.append(f"In-Reply-To: {first}")
        lines.append(f"References: {first}")
    if chance.random() < 0.3:
        lines.append("List-Id: <list.lists.example.org>\r\nPrecedence: list")
    lines.append("MIME-Version: 1.0\r\nX-Mailer: Example Mail 7.1")
    return "\r\n".join(lines).encode() + b"\r\n"


def _address(chance: random.Random) -> str:
    name = chance.choice(_NAMES)
    return f"{name} <box{chance.randrange(400)}@{chance.choice(_DOMAINS)}>"


def _subject(chance: random.Random) -> str:
    if chance.random() < 0.1:
        return "=?UTF-8?Q?=C3=9Cbersicht_der_Woche?= " + chance.choice(_WORDS)
    return " ".join(chance.choices(_WORDS, k=chance.randint(2, 9)))


def _message_id(number: int) -> str:
    return f"<{number:08x}.{number * 2_654_435_761 % 2**32:08x}@mail.example.org>"


class _Filler:
    """Text and base64 of any length, cut from two large pieces that were made once."""

    def __init__(self, chance: random.Random) -> None:
        words = chance.choices(_WORDS, k=60_000)
        text = b"\r\n".join(" ".join(words[at : at + 11]).encode() for at in range(0, 60_000, 11))
        self.text = text * 8
        self.base64 = base64.encodebytes(chance.randbytes(1_600_000)).replace(b"\n", b"\r\n")
        self._chance = chance

    def cut(self, source: bytes, size: int) -> bytes:
        """Cut ``size`` octets, a line's start first."""
        size = max(size, 80)
        at = source.find(b"\n", self._chance.randrange(len(source) - size)) + 1
        return source[at : at + size - 2] + b"\r\n"


def _body(filler: _Filler, number: int, size: int) -> bytes:
    """Plain text, text and HTML, or text with an attachment, with the header that says so."""
    if size > 20_000:
        return _multipart(filler, number, "mixed", ("application/pdf", filler.base64), size)
    if number % 2:
        return _multipart(filler, number, "alternative", ("text/html", filler.text), size)
    return b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + filler.cut(filler.text, size - 43)


def _multipart(
    filler: _Filler, number: int, kind: str, second: tuple[str, bytes], size: int
) -> bytes:
    boundary = f"=_{number:032x}".encode()
    content_type, source = second
    encoding = "base64" if source is filler.base64 else "7bit"
    first = filler.cut(filler.text, min(size // 3, 4_000))
    start = (
        b'Content-Type: multipart/%b; boundary="%b"\r\n\r\n--%b\r\n'
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n%b\r\n--%b\r\n"
        b"Content-Type: %b\r\nContent-Transfer-Encoding: %b\r\n\r\n"
    ) % (
        kind.encode(),
        boundary,
        boundary,
        first,
        boundary,
        content_type.encode(),
        encoding.encode(),
    )
    end = b"\r\n--%b--\r\n" % boundary
    return start + filler.cut(source, size - len(start) - len(end)) + end
