"""Mailbox names, sequence sets, addresses: small languages that are read all the time."""

import contextlib

from imapproxy.listen_address import ListenAddressError, parse_listen_address
from imapproxy.listener.sasl import MECHANISMS, SaslError, decode_base64
from imapproxy.upstream.address import AddressError, parse_address
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.mailbox import decode_mailbox_lossless, encode_mailbox
from imapproxy.wire.sequence_set import SequenceSet

SEEDS = (
    b"INBOX",
    b"&AOQ-",
    b"a&-b&2D3eCw-",
    b"1:3,7,*:4",
    b"4294967295",
    b"imaps://imap.example.com:993",
    b"imap+starttls://[::1]:143",
    b"127.0.0.1:1143",
    b"[::1]:0",
    b"AGRlbW8AcHc=",
)
WORDS = (
    *(b"&", b"-", b"&-", b"&AAAA-", b"INBOX", b"/", b",", b":", b"*", b"1", b"0", b"4294967296"),
    *(
        b"imaps://",
        b"@",
        b"[",
        b"]",
        b"%",
        b"?",
        b"#",
        b"\xc3\xa4",
        b"\xff",
        b"\0",
        b"=",
        b"AGEAYg==",
    ),
)


def check(octets: bytes) -> None:
    """See above."""
    for utf8 in (False, True):
        again = encode_mailbox(decode_mailbox_lossless(octets, utf8=utf8), utf8=utf8)
        assert again == octets or again == b"INBOX" == octets.upper()
    with contextlib.suppress(DecodeError):
        sequence_set = SequenceSet.decode(octets)
        assert SequenceSet.decode(sequence_set.encode()) == sequence_set
    text = octets.decode("latin-1")
    with contextlib.suppress(AddressError):
        address = parse_address(text)
        assert parse_address(str(address)) == address
    with contextlib.suppress(ListenAddressError):
        listen = parse_listen_address(text)
        assert parse_listen_address(str(listen)) == listen
    for kind in MECHANISMS.values():
        with contextlib.suppress(SaslError):
            kind().response(decode_base64(octets))
