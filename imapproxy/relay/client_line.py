"""As much of a client's command as the relay has to read: its tag and its name."""

import re
from typing import NamedTuple

from imapproxy.wire.framing import CRLF

# tag = 1*<any ASTRING-CHAR except "+"> (RFC 3501 section 9). ASTRING-CHAR excludes ( ) { % * " \
# controls and space.
_TAG = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]+")
_NAME = re.compile(rb" *([^\x00-\x20\x7f]*)(?: +([^\x00-\x20\x7f]*))?")


class ClientLine(NamedTuple):
    """The first line of a command: ``tag``, ``rest`` exactly as it came (CRLF included), ``name``.

    ``name`` is in upper case, ``b"UID FETCH"`` for the UID forms, and empty where there is none.
    """

    tag: bytes
    rest: bytes
    name: bytes


def read_client_line(data: bytes) -> ClientLine | None:
    """Take a command's first line apart; ``None`` where no tag can be read."""
    found = _TAG.match(data)
    if found is None:
        return None
    rest = data[found.end() :]
    # A CR that ends no line ends no tag either: what a server makes of it nobody could foretell.
    if not rest.startswith(b" ") and rest != CRLF:
        return None
    name = _NAME.match(rest)
    first = name[1].upper() if name is not None else b""
    if first == b"UID" and name is not None and name[2]:
        first = b"UID " + name[2].upper()
    return ClientLine(found[0], rest, first)


def tag_of_broken_line(start: bytes) -> bytes:
    """The tag to answer a line with that could not be read whole; ``*`` where it has none."""
    found = _TAG.match(start)
    return found[0] if found is not None else b"*"
