"""Reading one complete command (RFC 9051 section 6, section 9 ``command``)."""

from imapproxy.wire.commands import Command
from imapproxy.wire.errors import DecodeError


class CommandError(DecodeError):
    """A command that is not understood; the server answers BAD.

    ``tag`` is the command's tag, ``None`` where not even that could be read (answered untagged).
    ``name`` is the command's name in upper case as far as it was read, else ``""``.
    """

    def __init__(
        self, message: str, position: int = 0, tag: bytes | None = None, name: str = ""
    ) -> None:
        super().__init__(message, position)
        self.tag = tag
        self.name = name


def decode_command(octets: bytes, *, lenient: bool = False) -> Command:
    """Decode a whole command: its line, literals joined in as they came, the last CRLF.

    A command whose name is not known comes back as :class:`~imapproxy.wire.commands.Opaque`; one
    that is known and has wrong arguments raises :class:`CommandError`. No other exception leaves.

    Strict by the grammar of RFC 9051 section 9, and the obsolete spellings of its section 6.
    ``lenient`` also takes what old programs write: several spaces for one, spaces at the end of a
    line or inside of parentheses, one STATUS item or APPEND flag without parentheses, a tag that
    holds ``+``.
    """
    raise NotImplementedError
