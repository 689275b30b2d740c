"""In which order an answer tells its items."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.cache.shape import layout, shape_of

A, B, C, TO = b"UID", b"ENVELOPE", b"BODY[]", b"BODY[HEADER.FIELDS (TO)]"


@pytest.mark.parametrize(
    ("names", "wanted", "expected"),
    [
        ([A, B], {A, B}, (A, B)),
        ([B, A], {A, B}, (B, A)),
        ([B, b"FLAGS", A], {A, B}, (B, A)),
        ([A], {A, B}, None),
        ([b"body[]"], {C}, (b"body[]",)),
        ([b'BODY[HEADER.FIELDS ("to")]'], {TO}, (b'BODY[HEADER.FIELDS ("to")]',)),
        ([A, A], {A, B}, None),
        ([A, B, A], {A, B}, None),
    ],
)
def test_shapes(names, wanted, expected):
    assert shape_of(names, frozenset(wanted)) == expected


@pytest.mark.parametrize(
    ("shape", "told", "expected"),
    [
        ((A, B), (A,), (A, B)),
        ((A, B), (b"FLAGS",), (b"FLAGS", A, B)),
        ((A, B), (b"FLAGS", B), (A, b"FLAGS", B)),
        ((A, B), (A, b"FLAGS"), (A, b"FLAGS", B)),
        ((A, B), (B, b"FLAGS", b"MODSEQ"), (A, B, b"FLAGS", b"MODSEQ")),
    ],
)
def test_layouts(shape, told, expected):
    assert layout(shape, told) == expected


_SOME = st.lists(st.sampled_from([A, B, C, b"FLAGS", b"MODSEQ"]), unique=True).map(tuple)


@given(_SOME, _SOME)
def test_a_layout_has_everything_once_and_keeps_the_order(shape, told):
    names = layout(shape, told)

    assert sorted(names) == sorted({*shape, *told})
    assert tuple(name for name in names if name in shape) == shape
