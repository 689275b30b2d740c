"""Messages to test with: each of another shape, made by rule so that every run has the same."""

import base64
import random
from collections.abc import Sequence

from tests.real.dovecot import Message


def plain(subject: str, body: str, *, sender: str = "ada@example.org", number: int = 1) -> bytes:
    """Return a text message with LF line ends, as they are kept in a Maildir."""
    return (
        f"Return-Path: <{sender}>\n"
        f"From: Ada Example <{sender}>\n"
        f"To: Grace Example <grace@example.net>\n"
        f"Subject: {subject}\n"
        f"Date: Tue, {number % 28 + 1:02} Nov 2022 10:{number % 60:02}:00 +0100\n"
        f"Message-ID: <{number}.{len(body)}@example.org>\n"
        f"MIME-Version: 1.0\n"
        f"Content-Type: text/plain; charset=us-ascii\n"
        f"\n"
        f"{body}\n"
    ).encode()


def multipart(number: int) -> bytes:
    """Return text, HTML and an attachment in nested multiparts."""
    attachment = base64.encodebytes(bytes(range(256)) * 4).decode()
    return (
        f"From: =?utf-8?q?J=C3=BCrgen?= <juergen@example.org>\n"
        f"To: list:a@example.org,b@example.org;, undisclosed-recipients:;\n"
        f"Cc: \"A \\\"quoted\\\" name\" <c@example.org>\n"
        f"Reply-To: <noreply@example.org>\n"
        f"In-Reply-To: <1.5@example.org>\n"
        f"References: <1.5@example.org>\n"
        f"Subject: =?utf-8?b?R3LDvMOfZQ==?= {number}\n"
        f"Date: Wed, 16 Nov 2022 08:00:00 -0700\n"
        f"Message-ID: <multi{number}@example.org>\n"
        f"MIME-Version: 1.0\n"
        f"Content-Type: multipart/mixed; boundary=\"outer(1)\"\n"
        f"\n"
        f"preamble\n"
        f"--outer(1)\n"
        f"Content-Type: multipart/alternative; boundary=inner\n"
        f"\n"
        f"--inner\n"
        f"Content-Type: text/plain; charset=utf-8\n"
        f"Content-Transfer-Encoding: quoted-printable\n"
        f"\n"
        f"Gr=C3=BC=C3=9Fe, a long line that is=\n folded.\n"
        f"--inner\n"
        f"Content-Type: text/html; charset=utf-8\n"
        f"Content-Transfer-Encoding: 8bit\n"
        f"\n"
        f"<p>Grüße</p>\n"
        f"--inner--\n"
        f"--outer(1)\n"
        f"Content-Type: application/octet-stream; name*=utf-8''na%C3%AFve.bin\n"
        f"Content-Disposition: attachment; filename=\"naive.bin\"\n"
        f"Content-Transfer-Encoding: base64\n"
        f"Content-Language: en, de\n"
        f"Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n"
        f"\n"
        f"{attachment}"
        f"--outer(1)--\n"
        f"epilogue\n"
    ).encode()  # fmt: skip


def forwarded(inner: bytes) -> bytes:
    """Return a message with another one as an attachment."""
    return (
        b"From: forwarder@example.org\n"
        b"Subject: Fwd: {5}\n"
        b"MIME-Version: 1.0\n"
        b"Content-Type: multipart/mixed; boundary=b\n"
        b"\n"
        b"--b\n\nsee below\n"
        b"--b\nContent-Type: message/rfc822\n\n" + inner + b"\n"
        b"--b--\n"
    )


def large(size: int, seed: int = 1) -> bytes:
    """Return a message of about ``size`` octets in lines of different lengths."""
    source = random.Random(seed)
    lines = [b"Subject: large %d\nFrom: big@example.org\nMessage-ID: <%d@large>\n" % (size, size)]
    left = size
    while left > 0:
        line = bytes(
            source.choices(b'abcdefghijklmnopqrstuvwxyz {}()*+"', k=source.randint(0, 200))
        )
        lines.append(line)
        left -= len(line) + 1
    return b"\n".join(lines) + b"\n"


# What is wrong with each is what a server must still answer for, and a proxy must not mend.
ODD: Sequence[bytes] = (
    b"Subject: no body at all\n\n",
    b"\nno header at all\n",
    b"Subject: no line end",
    b"Subject: bare\rcarriage return\nFrom: <>\n\nand\rin the body\n",
    b"Subject: \xff\xfe eight bits\nFrom: \xe4@\xf6\n\n\x80\x81\x82 body\n",
    b"Content-Type: multipart/mixed; boundary=never\nSubject: no parts\n\nnothing\n",
    b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\nnot closed\n--x\n",
    b"Subject: * 1 FETCH (FLAGS ())\nFrom: \"a\\\\b\" <a@b>\n\nt OK done\n* BYE {5}\n+ go\n",
    b"Subject: " + b"long " * 500 + b"\nX-Folded: one\n\ttwo\n  three\n\nbody\n",
    b"From: a@b\nFrom: c@d\nTo: @,;:<>\nDate: not a date\nSubject:\n\n.\n..\n",
)  # fmt: skip


def corpus() -> list[Message]:
    """Return the messages that a mailbox of the tests begins with."""
    texts = [
        plain("first", "one line", number=1),
        multipart(2),
        plain("re: first", "> one line\nand an answer", sender="grace@example.net", number=3),
        *ODD,
        forwarded(multipart(5)),
        large(3_000),
        large(90_000, seed=2),
        plain("Zürich".encode().decode("latin-1"), "header in UTF-8, said nowhere", number=9),
    ]
    letters = ("", "S", "FS", "RS", "D", "T", "ST")
    return [
        Message(text, letters[number % len(letters)], 1_668_000_000 + number * 86_400)
        for number, text in enumerate(texts)
    ]
