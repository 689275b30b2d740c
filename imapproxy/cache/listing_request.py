"""Which commands that ask for the list of mailboxes have the same answer.

Pure: a command is taken apart, nothing is looked up.
"""

from imapproxy.wire.decode_command import decode_command
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.mailbox_commands import List, Lsub, Namespace

#: The commands whose answers are kept, and the name of the responses to each.
ANSWERED_BY = {b"LIST": b"LIST", b"LSUB": b"LSUB", b"XLIST": b"XLIST", b"NAMESPACE": b"NAMESPACE"}

# What is longer asks for a choice of mailboxes that nobody asks for twice.
_MAX_OCTETS = 1000


def plain_request(name: bytes, reference: bytes, pattern: bytes) -> bytes:
    """The key of ``LIST reference pattern`` or ``LSUB …``, however it is spelled."""
    return b"\0".join((name, reference, pattern))


def listing_request(name: bytes, rest: bytes) -> bytes | None:
    """The key of a command's answer; ``None`` where it is not to be kept.

    ``name`` is the command's, in upper case, ``rest`` its line behind the tag. A LIST that asks for
    STATUS along with it has an answer that is never true for long.
    """
    if name not in ANSWERED_BY or len(rest) > _MAX_OCTETS:
        return None
    try:
        body = decode_command(b"x" + rest, lenient=True).body
    except DecodeError:
        return None
    match body:
        case List(reference=reference, patterns=(pattern,)) if not body.is_extended:
            return plain_request(b"LIST", reference, pattern)
        case Lsub(reference=reference, pattern=pattern):
            return plain_request(b"LSUB", reference, pattern)
        case Namespace():
            return b"NAMESPACE"
        case List(status_items=()):
            return rest.strip()
    return rest.strip() if name == b"XLIST" else None
