"""What a client is made to do, and how much slower than direct it may be through the proxy."""

from collections.abc import Iterator
from typing import NamedTuple


class Row(NamedTuple):
    """``commands`` are run one after the other, each when the one before it was answered.

    ``limit`` is the ratio to direct that the proxy has to stay under; ``None`` where the number is
    for information.
    """

    key: str
    title: str
    commands: tuple[bytes, ...]
    limit: float | None


def rows(messages: int) -> Iterator[Row]:
    """The rows for a mailbox of ``messages`` messages; smaller ones have shorter rows."""
    single = min(messages, 300)
    many = min(messages, 3_000)
    one_by_one = tuple(b"FETCH %d (UID BODY.PEEK[])" % number for number in range(1, single + 1))
    yield Row("noop", "500 NOOP", (b"NOOP",) * 500, 1.9)
    yield Row("single", f"{single} x FETCH n (UID BODY.PEEK[])", one_by_one, 1.6)
    bodies = b"FETCH 1:%d (UID BODY.PEEK[])" % many
    yield Row("bodies", bodies.decode(), (bodies,), 1.15)
    envelopes = b"FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE)"
    yield Row("envelopes", envelopes.decode(), (envelopes,), 1.3)
    flags = b"FETCH 1:* (UID FLAGS)"
    yield Row("flags", flags.decode(), (flags,), None)
