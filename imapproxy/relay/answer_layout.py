"""Where each item of an answer comes from, in the order in which the upstream would tell them."""

from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from imapproxy.cache.request import Asked
from imapproxy.cache.shape import Shape, canonical, layout


class Source(Enum):
    """Who knows the value of an item."""

    UID = "the view"
    TOLD = "the upstream"
    KEPT = "the store's attributes"
    SECTION = "the store's sections"


class AnswerLayout(NamedTuple):
    """How to make a response: ``names`` are the items', ``sources`` where their values come from.

    A source comes with an index: into what was told, kept or extracted. ``templates`` are the text
    up to and between the sections, which are put in as they are: the first takes the number of the
    message, each the values of its items, and what announces the section behind it. ``fields``
    counts what each takes.
    """

    names: Shape
    sources: tuple[tuple[Source, int], ...]
    templates: tuple[bytes, ...]
    fields: tuple[int, ...]


@lru_cache(256)
def answer_layout(asked: Asked, shape: Shape, told: Shape) -> AnswerLayout:
    """The layout of answers of a shape, where the upstream has told the items ``told``."""
    names = layout(shape, told)
    sources = tuple(_source(canonical(name), asked, told) for name in names)
    texts = [b"* %d FETCH ("]
    for index, (name, (source, _)) in enumerate(zip(names, sources, strict=True)):
        texts[-1] += (b" " if index else b"") + name.replace(b"%", b"%%")
        texts[-1] += b" %d" if source is Source.UID else b" %b"
        if source is Source.SECTION:
            texts.append(b"")
    texts[-1] += b")\r\n"
    return AnswerLayout(names, sources, tuple(texts), tuple(map(_fields_of, texts)))


def _source(name: bytes, asked: Asked, told: Shape) -> tuple[Source, int]:
    for index, other in enumerate(told):
        if canonical(other) == name:
            return Source.TOLD, index
    for index, (other, _) in enumerate(asked.kept):
        if other == name:
            return Source.KEPT, index
    for index, (other, _) in enumerate(asked.extracts):
        if other == name:
            return Source.SECTION, index
    assert name == b"UID", name
    return Source.UID, 0


def _fields_of(template: bytes) -> int:
    return template.replace(b"%%", b"").count(b"%")
