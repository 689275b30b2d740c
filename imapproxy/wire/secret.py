"""Credentials as a type of their own, so that none ends up in a log by accident."""

import hmac


class Secret:
    """Octets that no ``repr``, ``str`` or format shows; only :meth:`reveal` gives them out.

    Comparison takes constant time for secrets of equal length.
    """

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        self._octets = bytes(octets)

    def reveal(self) -> bytes:
        """The octets themselves; call it where they are written to the peer, nowhere else."""
        return self._octets

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._octets, other._octets)

    def __hash__(self) -> int:
        return hash((Secret, self._octets))

    def __bool__(self) -> bool:
        return bool(self._octets)

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not to be pickled or copied to disk")
