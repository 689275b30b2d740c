"""What the wire language can raise. Any other exception out of it is a bug in it."""


class WireError(Exception):
    """Base of all errors of the wire language; ``str()`` is a sentence for people."""


class DecodeError(WireError):
    """The octets are not the grammar that was expected.

    ``position`` is the offset, in octets of the whole command or response, where reading stopped.
    """

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


class LimitExceeded(DecodeError):
    """The octets may be good grammar, but pass one of the limits (nesting, numbers, lengths)."""


class EncodeError(WireError):
    """The value has no form on the wire (a NUL in a string, a flag with a space)."""
