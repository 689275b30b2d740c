"""Writing commands (RFC 9051 section 6, section 9 ``command``)."""

from imapproxy.wire.commands import Command
from imapproxy.wire.strings import Part


def encode_command(command: Command) -> tuple[Part, ...]:
    """The parts of a command, with its tag and the last CRLF.

    Neighbouring octets are one part, so that a command without literals is a single ``bytes``;
    see :func:`imapproxy.wire.strings.render`. Raises ``EncodeError`` for a value that has no form
    on the wire.
    """
    raise NotImplementedError
