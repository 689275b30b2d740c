"""The set of capabilities that a server tells (RFC 9051 section 7.2.2)."""

from collections.abc import Iterable, Iterator

from imapproxy.wire.strings import LiteralStyle


class Capabilities:
    """Capabilities, compared without regard to case, kept in the order and spelling they came in.

    >>> caps = Capabilities(["IMAP4rev1", "AUTH=PLAIN", "LITERAL-"])
    >>> "auth=plain" in caps, caps.auth_mechanisms, caps.literal_style
    (True, ('PLAIN',), 'minus')
    """

    __slots__ = ("_by_key", "_names")

    def __init__(self, names: Iterable[str] = ()) -> None:
        by_key: dict[str, str] = {}
        for name in names:
            by_key.setdefault(name.upper(), name)
        self._by_key = by_key
        self._names = tuple(by_key.values())

    @classmethod
    def decode(cls, octets: bytes) -> "Capabilities":
        """Read names that are separated by spaces; octets that are not ASCII are dropped."""
        # Dropped, not refused: a capability that cannot be named cannot be used either.
        return cls(octets.decode("ascii", "ignore").split())

    def encode(self) -> bytes:
        """The names, separated by single spaces."""
        return " ".join(self._names).encode("ascii")

    @property
    def auth_mechanisms(self) -> tuple[str, ...]:
        """SASL mechanisms in upper case, in the server's order of preference."""
        return tuple(key[5:] for key in self._by_key if key.startswith("AUTH="))

    @property
    def literal_style(self) -> LiteralStyle:
        """How literals may be sent to this server (RFC 7888; IMAP4rev2 has LITERAL- built in)."""
        if "LITERAL+" in self:
            return "plus"
        if "LITERAL-" in self or "IMAP4REV2" in self:
            return "minus"
        return "sync"

    @property
    def append_limit(self) -> int | None:
        """Octets of the largest message that APPEND takes (RFC 7889), ``None`` where not told."""
        for key in self._by_key:
            name, _, limit = key.partition("=")
            if name == "APPENDLIMIT" and limit.isascii() and limit.isdigit() and len(limit) < 20:
                return int(limit)
        return None

    def without(self, *names: str) -> "Capabilities":
        """This set less ``names``; a name that ends in ``=`` takes out all that begin with it."""
        keys = {name.upper() for name in names}
        prefixes = tuple(key for key in keys if key.endswith("="))
        return Capabilities(
            name
            for key, name in self._by_key.items()
            if key not in keys and not (prefixes and key.startswith(prefixes))
        )

    def with_added(self, *names: str) -> "Capabilities":
        """This set and behind it those of ``names`` that it lacks."""
        return Capabilities((*self._names, *names))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.upper() in self._by_key

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Capabilities):
            return NotImplemented
        return self._by_key.keys() == other._by_key.keys()

    def __hash__(self) -> int:
        return hash(frozenset(self._by_key))

    def __repr__(self) -> str:
        return f"Capabilities({list(self._names)!r})"
