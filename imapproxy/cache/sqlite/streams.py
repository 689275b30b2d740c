"""Sections that come in pieces: their octets are written before it is known that all will come."""

from dataclasses import dataclass, field

from imapproxy.cache.sqlite import seals
from imapproxy.cache.sqlite.changes import BeginSection
from imapproxy.cache.sqlite.schema import CHUNK, CHUNK_BITS, UID_BITS
from imapproxy.cache.sqlite.sections import Incoming, put_chunk, read_sections
from imapproxy.cache.sqlite.writing import Writing


@dataclass
class _Stream:
    """A section of which some pieces are here; with no ``content`` they are only compared."""

    begin: BeginSection
    content: int
    chunks: int = 0
    checksum: seals.Running = field(default_factory=seals.Running)
    rest: bytearray = field(default_factory=bytearray)


class Streams:
    """All sections that have begun and not ended."""

    def __init__(self) -> None:
        self._streams: dict[int, _Stream] = {}
        self._abandoned: list[int] = []

    def begin(self, writing: Writing, begin: BeginSection, max_octets: int) -> None:
        """A section begins; nothing is kept of one with more than ``max_octets``."""
        if begin.size > max_octets:
            return
        content = 0
        if not _may_be_there(writing, begin):
            content = writing.new_content(begin.size)
            writing.database.execute(
                "INSERT INTO content VALUES (?, ?, ?)", (content, begin.size, writing.clock)
            )
            writing.database.execute("INSERT INTO begun VALUES (?)", (content,))
        self._streams[begin.stream] = _Stream(begin, content)

    def piece(self, writing: Writing, stream: int, octets: bytes) -> None:
        """The next octets."""
        it = self._streams.get(stream)
        if it is None:
            return
        it.checksum.add(octets)
        if not it.content:
            return
        it.rest += octets
        while len(it.rest) >= CHUNK:
            self._write(writing, it)

    def end(
        self, writing: Writing, stream: int, clean: bool
    ) -> tuple[BeginSection, Incoming] | None:
        """All octets were here: what is to be written now, if it is whole."""
        it = self._streams.pop(stream, None)
        if it is None:
            return None
        while it.content and it.rest:
            self._write(writing, it)
        if not self._is_whole(writing, it):
            self._abandoned.append(it.content)
            return None
        begin = it.begin
        return begin, Incoming(begin.form, clean, begin.size, it.checksum.value, None, it.content)

    def abort(self, stream: int) -> None:
        """The rest will not come."""
        it = self._streams.pop(stream, None)
        if it is not None:
            self._abandoned.append(it.content)

    def abort_all(self) -> None:
        """What was written last is not there."""
        for stream in list(self._streams):
            self.abort(stream)

    def sweep(self, writing: Writing) -> None:
        """Take out what was written of sections that were aborted."""
        abandoned, self._abandoned = self._abandoned, []
        if any(abandoned):
            writing.release(filter(None, abandoned))

    def _write(self, writing: Writing, it: _Stream) -> None:
        piece = bytes(it.rest[:CHUNK])
        del it.rest[:CHUNK]
        put_chunk(writing.database, it.content, it.chunks, piece)
        it.chunks += 1

    def _is_whole(self, writing: Writing, it: _Stream) -> bool:
        """Whether nobody has taken out any of it meanwhile, for want of room or on opening."""
        if not it.content:
            return True
        first = it.content << CHUNK_BITS
        (size,) = writing.database.execute(
            "SELECT sum(length(octets)) FROM chunk WHERE id BETWEEN ? AND ?",
            (first, first + it.chunks),
        ).fetchone()
        (there,) = writing.database.execute(
            "SELECT count(*) FROM content WHERE id = ?", (it.content,)
        ).fetchone()
        return bool(there and size == it.begin.size)


def _may_be_there(writing: Writing, begin: BeginSection) -> bool:
    """Whether there is a section of this size in this place."""
    box = writing.find(begin.mailbox)
    if box is None:
        return False
    message = box << UID_BITS | begin.uid
    old = read_sections(writing.database, [message]).get((message, begin.key))
    return old is not None and (old.form, old.size) == (begin.form, begin.size)


def sweep_begun(writing: Writing) -> None:
    """Take out what was begun by a process that is no more.

    Another one that is in the middle of a section loses it, and keeps nothing of it.
    """
    begun = writing.database.execute("SELECT content FROM begun").fetchall()
    writing.release(content for (content,) in begun)
