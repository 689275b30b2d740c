"""Surrogates (RFC 6858): whatever the message, its headers are US-ASCII then."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from fakeserver.mail.message import Message
from fakeserver.mail.mime import Part

messages = st.lists(
    st.sampled_from(
        [
            *(b"Subject: ", b"From: ", b"To: ", b"Content-Type: ", b"Content-Disposition: "),
            *(b"text/plain; ", b"multipart/mixed; boundary=b", b"message/rfc822", b"filename="),
            *(b"\r\n", b"\r\n\r\n", b"\n", b"--b", b"--", b" ", b"\0", b"a", b"\xff"),
            *(b"<", b">", b"@", b":", b";", b",", b'"', b"\\", b"(", b")"),
            *(b"\xc3\xa4", b"\xe2\x80\xa8", b"=?utf-8?q?=0Ab:_c?=", b"=?utf-8?b?Cgo=?="),
        ]
    ),
    max_size=25,
).map(b"".join)


def parts(part: Part) -> Iterator[Part]:
    yield part
    for child in part.children:
        yield from parts(child)


@given(octets=messages)
def test_headers_are_ascii(octets: bytes) -> None:
    message = Message(octets)
    assert all(part.header.octets.isascii() for part in parts(message.surrogate.root))
    if all(part.header.octets.isascii() for part in parts(message.root)):
        assert message.surrogate is message


def test_the_fields_whose_addresses_are_replaced() -> None:
    names = (
        *(b"Bcc", b"Cc", b"From", b"Reply-To", b"Return-Path", b"Sender", b"To"),
        *(b"Resent-Bcc", b"Resent-Cc", b"Resent-From", b"Resent-Sender", b"Resent-To"),
    )
    kept = Message(_addressed(*names)).surrogate.octets
    assert kept.count(b" <internationalized-address@eai.invalid>\r\n") == len(names)
    gone = Message(_addressed(b"Disposition-Notification-To", b"Errors-To")).surrogate.octets
    assert gone == b"\r\n"


def _addressed(*names: bytes) -> bytes:
    return b"".join(name + b": <\xc3\xa4@a.example>\r\n" for name in names) + b"\r\n"
