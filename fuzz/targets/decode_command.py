"""Commands: one that cannot be read is an error of its own, and one that was read can be said."""

from imapproxy.wire.commands import Command, Opaque
from imapproxy.wire.decode_command import CommandError, decode_command
from imapproxy.wire.encode_command import encode_command
from imapproxy.wire.errors import EncodeError
from imapproxy.wire.strings import join

SEEDS = (
    b"a NOOP\r\n",
    b'a LOGIN "demo" {2}\r\npw\r\n',
    b"a SELECT INBOX (CONDSTORE)\r\n",
    b"a FETCH 1:*,7 (UID FLAGS BODY.PEEK[1.HEADER.FIELDS (SUBJECT)]<0.100>) (CHANGEDSINCE 7)\r\n",
    b"a UID STORE 1 (UNCHANGEDSINCE 3) +FLAGS.SILENT (\\Seen x)\r\n",
    b'a SEARCH RETURN (MIN COUNT) CHARSET UTF-8 OR SINCE 1-Feb-2020 NOT (FROM "x" 1:3)\r\n',
    b'a APPEND x (\\Seen) " 1-Jan-2020 00:00:00 +0000" ~{3}\r\nabc\r\n',
    b'a LIST (SUBSCRIBED) "" ("*" "%") RETURN (STATUS (MESSAGES))\r\n',
    b"a AUTHENTICATE PLAIN AGEAYg==\r\n",
    b'a ID ("name" NIL)\r\n',
    b"a SORT (REVERSE DATE) UTF-8 ALL\r\n",
    b"a NOTIFY SET (SELECTED (MessageNew (UID) MessageExpunge))\r\n",
)
WORDS = (
    *(b"a ", b"UID ", b"FETCH ", b"STORE ", b"SEARCH ", b"SELECT ", b"APPEND ", b"LIST ", b"SORT "),
    *(b"(", b")", b"[", b"]", b"<", b">", b" ", b'"', b"\\", b"{1}\r\n", b"~{1}\r\n", b"\r\n"),
    *(
        b"NIL",
        b"1:*",
        b"$",
        b"BODY[",
        b"BINARY.SIZE[",
        b"HEADER.FIELDS (",
        b"MODSEQ 1",
        b"RETURN (",
    ),
    *(b"1-Jan-2020", b"&AOQ-", b"\xc3\xa4", b"\0", b"4294967296", b"((((((((((", b"NOT NOT NOT "),
)


def check(octets: bytes) -> None:
    """See above."""
    for lenient in (False, True):
        try:
            command = decode_command(octets, lenient=lenient)
        except CommandError:
            continue
        if isinstance(command.body, Opaque):
            continue
        try:
            said = join(encode_command(Command(b"t", command.body)))
        except EncodeError:
            continue  # a line end where there can be none: the framer lets nobody have that
        assert decode_command(said, lenient=lenient).body == command.body
