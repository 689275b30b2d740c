"""How one account's upstream lays out its answers, remembered."""

from collections.abc import Sequence

from imapproxy.cache.request import Asked
from imapproxy.cache.shape import Shape, shape_of
from imapproxy.cache.store import Reader, StoreError, Writer

_MAX_KNOWN = 256  # requests; a client has a handful


class Shapes:
    """The shapes that are known, from this session or from the store."""

    def __init__(self, account: bytes, reader: Reader, writer: Writer) -> None:
        self._account = account
        self._reader = reader
        self._writer = writer
        self._known: dict[bytes, Shape | None] = {}

    def shape(self, asked: Asked) -> Shape | None:
        """The shape of the answers to ``asked``."""
        key = asked.key
        if key not in self._known:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[key] = self._stored(key)
        return self._known[key]

    def _stored(self, key: bytes) -> Shape | None:
        try:
            return self._reader.shape(self._account, key)
        except StoreError:
            return None

    def learn(self, asked: Asked, names: Sequence[bytes]) -> bool:
        """Take note of the names in a response; whether it was an answer to ``asked``."""
        shape = shape_of(names, asked.names)
        if shape is None:
            return False
        self._known[asked.key] = shape
        self._writer.keep_shape(self._account, asked.key, shape)
        return True
