"""Sections that are taken out of others, compared with a model that reads line by line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.cache.derive import extract_of, find_header, pick_fields
from imapproxy.wire.fetch_att import BodySection, Partial, Section, SectionText

_NAMES = ["From", "To", "Subject", "X-A"]
_VALUES = st.text("abc :,\t", max_size=8).map(lambda text: text.encode())


@st.composite
def fields(draw):
    """A field with its continuations, and its name."""
    name = draw(st.sampled_from(_NAMES)).encode()
    more = draw(st.lists(st.tuples(st.sampled_from([b" ", b"\t"]), _VALUES), max_size=2))
    first = name + b":" + draw(_VALUES) + b"\r\n"
    return name.upper(), first + b"".join(b"%b%b\r\n" % one for one in more)


_FIELDS = st.lists(fields(), min_size=1, max_size=6)


@given(_FIELDS, st.sets(st.sampled_from(_NAMES), min_size=1), st.booleans())
def test_fields_are_picked_as_a_reader_of_lines_would(some, wanted, others):
    names = frozenset(name.upper().encode() for name in wanted)
    header = b"".join(octets for _, octets in some) + b"\r\n"

    expected = b"".join(octets for name, octets in some if (name in names) is not others)
    assert pick_fields(header, names, others=others) == expected + b"\r\n"
    assert find_header(header, whole=True) == (header, True)


@given(_FIELDS, st.binary(max_size=40), st.integers(0, 60), st.integers(1, 60))
def test_sections_are_slices(some, text, offset, length):
    header = b"".join(octets for _, octets in some) + b"\r\n"
    message = header + text
    partial = Partial(offset, length)
    for att, whole in (
        (BodySection(), message),
        (BodySection(Section(text=SectionText.TEXT)), text),
    ):
        extract = extract_of(att)
        part = extract_of(BodySection(att.section, partial=partial))
        assert extract is not None and part is not None
        # What is empty is spelled in several ways: nobody says which.
        assert extract.cut("", message) == (whole if att.section == Section() else whole or None)
        assert part.cut("", message) == (whole[offset : offset + length] or None)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\r\n",
        b"\r\n\r\ntext",
        b"From: me\r\n",
        b"From: me\n\ntext",
        b"From: me\r\r\n\r\n",
        b"From: \x00\r\n\r\n",
        b"From: me\nTo: you\r\n\r\n",
    ],
)
def test_what_servers_do_not_agree_on_has_no_header(octets):
    assert find_header(octets, whole=True) is None


@pytest.mark.parametrize(
    "header",
    [
        b"not a field\r\n\r\n",
        b"From me\r\nTo: you\r\n\r\n",
        b"From : me\r\n\r\n",
        b" From: me\r\n\r\n",
        b": me\r\n\r\n",
        b"Fr\xc3\xb6m: me\r\n\r\n",
        b"From: me\r\nodd\r\n\r\n",
        b">From x\r\nFrom: me\r\n\r\n",
    ],
)
def test_odd_headers_are_never_clean(header):
    found = find_header(header + b"text\r\n", whole=True)

    assert found is None or (found.octets == header and not found.clean)


@given(st.binary(max_size=60))
def test_of_any_octets_a_clean_header_is_made_of_fields(octets):
    found = find_header(octets, whole=True)
    if found is None or not found.clean:
        return
    assert octets.startswith(found.octets) and found.octets.endswith(b"\r\n\r\n")
    for line in found.octets[:-4].split(b"\r\n"):
        assert line[:1] in (b" ", b"\t") or b":" in line
    picked = pick_fields(found.octets, frozenset(), others=True)
    assert picked == found.octets


@pytest.mark.parametrize("part", [(1,), (1, 2)])
def test_mime_parts_are_taken_out_of_nothing(part):
    for text in (None, SectionText.MIME, SectionText.TEXT, SectionText.HEADER):
        extract = extract_of(BodySection(Section(part, text)))
        assert extract is not None
        assert len(extract.need.keys) == 1
