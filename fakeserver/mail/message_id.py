"""Message-IDs in the fields that refer to other messages (RFC 5322 section 3.6.4)."""

import re
from collections.abc import Iterator

from fakeserver.mail.header import unfold

# msg-id = "<" id-left "@" id-right ">"; id-left may be a quoted string (obs-id-left).
_MESSAGE_ID = re.compile(rb'<[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^<>@"\s]++))@([^<>@\s]++)[ \t]*+>')
_ESCAPED = re.compile(rb"\\(.)")


def message_ids(value: bytes) -> Iterator[bytes]:
    """The ids in a field's value; quotes that an id does not need are taken off.

    RFC 5256 section 4: ``<"01KF8"@x.com>`` and ``<01KF8@x.com>`` are the same.
    """
    for found in _MESSAGE_ID.finditer(unfold(value)):
        left = _ESCAPED.sub(rb"\1", found[1]) if found[2] is None else found[2]
        yield left + b"@" + found[3]
