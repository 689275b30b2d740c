"""Where the records of TLS end in a stream of octets, told from their headers alone."""

# RFC 8446 section 5.1: type, version, and two octets of length are in front of each record.
_HEADER = 5


class TlsRecords:
    """Counts the records of one direction. Fed everything, it always knows where the next begins.

    What is no TLS at all has odd lengths: then the count means nothing, and whoever decrypts will
    say so.
    """

    __slots__ = ("_header", "_left")

    def __init__(self) -> None:
        self._header = b""  # of the next record, as far as it has come
        self._left = 0  # octets of the record that has begun

    @property
    def between(self) -> bool:
        """Whether all that was fed are whole records."""
        return not (self._header or self._left)

    def ended_in(self, data: bytes) -> int:
        """How many records end in ``data``, which comes next in the stream."""
        data = self._header + data
        size = len(data)
        at = self._left
        ended = 1 if 0 < at <= size else 0
        while at + _HEADER <= size:
            at += _HEADER + int.from_bytes(data[at + 3 : at + _HEADER], "big")
            ended += at <= size
        self._header = data[at:]
        self._left = max(at - size, 0)
        return ended
