r"""Flags: ``\Seen`` and its kin, keywords, and the ``\*`` of PERMANENTFLAGS.

Flags are octets; their case does not matter (RFC 9051 section 2.3.2). Decoding gives the flags
that RFCs define their usual spelling, so that these compare with ``==``; a keyword keeps the
spelling that the peer gave it, and :func:`flag_key` is what to compare it by.
"""

import re
from collections.abc import Iterable
from typing import NewType

from imapproxy.wire.cursor import Cursor
from imapproxy.wire.errors import EncodeError
from imapproxy.wire.strings import ATOM_CHAR

Flag = NewType("Flag", bytes)

SEEN = Flag(rb"\Seen")
ANSWERED = Flag(rb"\Answered")
FLAGGED = Flag(rb"\Flagged")
DELETED = Flag(rb"\Deleted")
DRAFT = Flag(rb"\Draft")
RECENT = Flag(rb"\Recent")
# In PERMANENTFLAGS: the client may make new keywords.
ANY_KEYWORD = Flag(rb"\*")

# RFC 3501 section 2.3.2, less \Recent, which no client can change.
SYSTEM_FLAGS = (ANSWERED, FLAGGED, DELETED, SEEN, DRAFT)

_USUAL_SPELLING = {bytes(flag).lower(): flag for flag in (*SYSTEM_FLAGS, RECENT, ANY_KEYWORD)}

# flag = "\" atom / atom; flag-perm = flag / "\*" (RFC 9051 section 9)
_FLAG = re.compile(rb"\\?" + ATOM_CHAR + rb"+|\\\*")
# What servers put between the parentheses. Gmail passes on keywords such as
# "OIB-Seen-[Gmail]/Trash" that other programs made; "]" is not for atoms.
_SERVER_FLAGS = re.compile(rb"\(([^()\r\n]*+)\)")

_SERVER_FLAG = re.compile(rb'[^\x00-\x20\x7f(){"]+')


def usual_spelling(octets: bytes) -> Flag:
    r"""The flag in its usual spelling where it is a system flag: ``\SEEN`` is ``\Seen``."""
    if octets.startswith(b"\\"):
        return _USUAL_SPELLING.get(octets.lower(), Flag(octets))
    return Flag(octets)


def flag_key(flag: bytes) -> bytes:
    """What flags are compared by: the same for every spelling of a flag."""
    return flag.lower()


def encode_flag(flag: bytes) -> bytes:
    """The flag, once it is known to be one; raises ``EncodeError`` if it is not."""
    if _FLAG.fullmatch(flag) is None:
        raise EncodeError("a flag is an atom, or a backslash and an atom")
    return flag


def read_flags(cursor: Cursor) -> tuple[Flag, ...]:
    """Read ``(flag …)`` of a response, whatever the flags look like."""
    return tuple(map(usual_spelling, cursor.expect(_SERVER_FLAGS, "a list of flags")[1].split()))


def encode_flags(flags: Iterable[bytes]) -> bytes:
    """``(flag …)`` of a response; raises ``EncodeError`` for what would not be read as one flag.

    Wider than :func:`encode_flag`, so that what :func:`read_flags` took can be passed on.
    """
    words = tuple(flags)
    if any(_SERVER_FLAG.fullmatch(word) is None for word in words):
        raise EncodeError("a flag with a space, parenthesis or quote")
    return b"(%b)" % b" ".join(words)
