"""How sections stand in a response, and responses that are too large for one piece."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imapproxy.cache.derive import Extract, find_header
from imapproxy.cache.store import INLINE_MAX, Form, Reader, Section, StoreError

_ANNOUNCED = {Form.LITERAL: b"{%d}\r\n", Form.LITERAL8: b"~{%d}\r\n"}


class BrokenAnswer(Exception):
    """A response that has begun cannot be finished: nothing lawful can be said behind it."""


def value_of(extract: Extract, section: Section | None) -> tuple[bytes, bytes | None]:
    """What announces the answer, and the answer, of a section that is here whole (hot).

    There is none (``None``) where something else is held than can be cut to it.
    """
    if section is None or section.data is None:
        return b"", None
    data: bytes | None = section.data
    if section.key != extract.need.keys[0]:
        data = extract.cut(section.key, section.data)
    if data is None or section.form is Form.AS_IS:
        return b"", data
    return _ANNOUNCED[section.form] % len(data), data


class _Window(NamedTuple):
    """Octets of a content, and what announces them."""

    prefix: bytes
    content: int
    octets: range
    first: bytes  # read in advance: what cannot be read is not begun


def large_answer(
    reader: Reader,
    number: int,
    names: Sequence[bytes],
    values: Sequence[bytes | tuple[Extract, Section | None] | None],
) -> Iterator[bytes] | None:
    """The response for one message, in pieces; ``None`` if something of it is not held.

    ``values`` are what stands behind each of the ``names``, or how it is made.
    """
    parts: list[bytes | _Window] = []
    for name, value in zip(names, values, strict=True):
        made = _part(reader, *value) if isinstance(value, tuple) else value
        if made is None:
            return None
        parts += [name + b" " if not parts else b" " + name + b" ", made]
    return _pieces(reader, number, parts)


def _part(reader: Reader, extract: Extract, section: Section | None) -> bytes | _Window | None:
    if section is None or section.data is not None:
        announcement, data = value_of(extract, section)
        return None if data is None else announcement + data

    def text_at() -> int | None:
        header = find_header(reader.octets(section.content, 0, INLINE_MAX), whole=False)
        return None if header is None else len(header.octets)

    try:
        window = extract.window(section.key, section.size, text_at)
        if not window:
            return None
        wanted = _next_piece(window.start, window)
        first = reader.octets(section.content, window.start, wanted)
    except StoreError:
        return None
    if len(first) != wanted:
        return None
    prefix = _ANNOUNCED[section.form] % len(window) if section.form in _ANNOUNCED else b""
    return _Window(prefix, section.content, window, first)


def _pieces(reader: Reader, number: int, parts: Sequence[bytes | _Window]) -> Iterator[bytes]:
    ready = [b"* %d FETCH (" % number]
    for part in parts:
        if isinstance(part, bytes):
            ready.append(part)
            continue
        yield b"".join((*ready, part.prefix, part.first))
        ready = []
        yield from _rest(reader, part)
    yield b"".join((*ready, b")\r\n"))


def _rest(reader: Reader, window: _Window) -> Iterator[bytes]:
    at = window.octets.start + len(window.first)
    while at < window.octets.stop:
        wanted = _next_piece(at, window.octets)
        try:
            octets = reader.octets(window.content, at, wanted)
        except StoreError as error:
            raise BrokenAnswer(str(error)) from error
        if len(octets) != wanted:
            raise BrokenAnswer(f"{wanted} octets were held, and {len(octets)} are there")
        at += len(octets)
        yield octets


def _next_piece(at: int, window: range) -> int:
    """How many octets are read at a time from ``at`` on."""
    return min(INLINE_MAX - at % INLINE_MAX, window.stop - at)
