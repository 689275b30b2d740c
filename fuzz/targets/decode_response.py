"""Responses: what cannot be read is an error of its own, and what was read is read again."""

import contextlib

from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.encode_response import encode_response
from imapproxy.wire.errors import DecodeError, EncodeError
from imapproxy.wire.responses import FetchData, Response

SEEDS = (
    b"* OK [CAPABILITY IMAP4rev1 X] hello\r\n",
    b"a NO [BADCHARSET (UTF-8)] no\r\n",
    b'* 1 FETCH (UID 7 FLAGS (\\Seen) ENVELOPE (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL))\r\n',
    b'* 1 FETCH (BODYSTRUCTURE ("TEXT" "PLAIN" ("A" "x") NIL NIL "7BIT" 3 1) X {3}\r\nabc)\r\n',
    b'* LIST (\\HasNoChildren) "/" "a&AOQ-" ("OLDNAME" ("b"))\r\n',
    b"* STATUS x (MESSAGES 1 UIDNEXT 2 HIGHESTMODSEQ 3)\r\n",
    b'* ESEARCH (TAG "a") UID COUNT 3 ALL 1:3,5 MODSEQ 7\r\n',
    b"* SEARCH 1 2 3 (MODSEQ 4)\r\n",
    b"* VANISHED (EARLIER) 1:3\r\n",
    b"* THREAD (1 (2)(3 4))\r\n",
    b'* NAMESPACE (("" "/")) NIL NIL\r\n',
    b"+ go on\r\n",
    b'* QUOTA "" (STORAGE 1 2)\r\n',
)
WORDS = (
    *(b"* ", b"a ", b"+ ", b"OK ", b"NO ", b"BAD ", b"BYE ", b"FETCH (", b"LIST ", b"STATUS "),
    *(b"(", b")", b"[", b"]", b"<0>", b" ", b'"', b"\\", b"{1}\r\n", b"~{1}\r\n", b"\r\n", b"NIL"),
    *(
        b"UID ",
        b"BODY[",
        b"ENVELOPE ",
        b"BODYSTRUCTURE ",
        b"INTERNALDATE ",
        b"MODSEQ (",
        b"FLAGS (",
    ),
    *(b"1:*", b"4294967296", b"\0", b"\xff", b"((((((((((", b"[COPYUID 1 2 3] ", b"[UNSEEN 0] "),
)


def check(octets: bytes) -> None:
    """See above."""
    try:
        response = decode_response(octets)
    except DecodeError:
        return
    _look_into(response)
    try:
        said = encode_response(response)
    except EncodeError:
        return
    # Not the same: where a text is missing that there has to be, one is written.
    assert encode_response(decode_response(said)) == said


def _look_into(response: Response) -> None:
    """Values of a FETCH are read when they are asked for."""
    if isinstance(response, FetchData):
        for name in ("uid", "flags", "mod_seq", "size", "internal_date", "envelope"):
            with contextlib.suppress(DecodeError):
                getattr(response, name)
        with contextlib.suppress(DecodeError):
            assert response.body_structure is None or response.body_structure
