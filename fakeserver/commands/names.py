"""Names of mailboxes in responses."""

from fakeserver.mail.quoting import literal
from imapproxy.wire.strings import encode_astring


def astring(octets: bytes) -> bytes:
    """The name as an atom, a quoted string or a literal, whichever it needs."""
    part = encode_astring(octets)
    return part if isinstance(part, bytes) else literal(part.octets)
