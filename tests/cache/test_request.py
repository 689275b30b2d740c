"""What a FETCH asks for, in every spelling, and what is left to the upstream."""

import pytest

from imapproxy.cache.request import read_fetch_request


def read(text):
    return read_fetch_request(text.encode() + b"\r\n")


def asked(attributes, name="FETCH"):
    request = read(f" {name} 1:2 {attributes}")
    assert request is not None
    return request.asked


@pytest.mark.parametrize(
    ("attributes", "kept", "extracts", "mutable"),
    [
        ("ALL", {"INTERNALDATE", "RFC822.SIZE", "ENVELOPE"}, [], 1),
        ("fast", {"INTERNALDATE", "RFC822.SIZE"}, [], 1),
        ("Full", {"INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"}, [], 1),
        ("ENVELOPE", {"ENVELOPE"}, [], 0),
        ("(envelope  flags)", {"ENVELOPE"}, [], 1),
        ("( ENVELOPE )", {"ENVELOPE"}, [], 0),
        ("BODY", {"BODY"}, [], 0),
        ("(BODYSTRUCTURE EMAILID)", {"BODYSTRUCTURE", "EMAILID"}, [], 0),
        ("BODY[]", set(), [b"BODY[]"], 0),
        ("body.peek[header]", set(), [b"BODY[HEADER]"], 0),
        ("BODY.PEEK[1.2.MIME]<5.7>", set(), [b"BODY[1.2.MIME]<5>"], 0),
        (
            'BODY.PEEK[HEADER.FIELDS ("From" to)]',
            set(),
            [b"BODY[HEADER.FIELDS (FROM TO)]"],
            0,
        ),
        ("BODY[HEADER.FIELDS.NOT (DATE)]", set(), [b"BODY[HEADER.FIELDS.NOT (DATE)]"], 0),
        ("RFC822", set(), [b"RFC822"], 0),
        ("(RFC822.HEADER RFC822.TEXT)", set(), [b"RFC822.HEADER", b"RFC822.TEXT"], 0),
        ("BINARY.PEEK[1]", set(), [b"BINARY[1]"], 0),
        ("BINARY[1]<0.9>", set(), [b"BINARY[1]<0>"], 0),
        ("BINARY.SIZE[1]", set(), [b"BINARY.SIZE[1]"], 0),
        ("(MODSEQ FLAGS UID)", set(), [], 2),
        ("X-GM-LABELS", set(), [], 1),
    ],
)
def test_what_is_asked_for(attributes, kept, extracts, mutable):
    what = asked(attributes)

    assert {name for _, name in what.kept} == kept
    assert [name for name, _ in what.extracts] == extracts
    assert len(what.mutable) == mutable


@pytest.mark.parametrize(
    "text",
    [
        " FETCH 1 (ENVELOPE)",
        "  fetch  1  (ENVELOPE) ",
        " uid  Fetch  1:*,3  ENVELOPE",
        " UID FETCH * FAST",
    ],
)
def test_spellings(text):
    request = read(text)

    assert request is not None
    assert request.asked.by_uid == ("uid" in text.lower())


@pytest.mark.parametrize(
    "text",
    [
        " FETCH",
        " FETCH 1",
        " FETCH 1 ()",
        " FETCH 0 FLAGS",
        " FETCH $ ENVELOPE",
        " FETCH 1,, ENVELOPE",
        " FETCH 4294967296 ENVELOPE",
        " FETCH 1 (ENVELOPE",
        " FETCH 1 ENVELOPE FLAGS",
        " FETCH 1 (ALL)",
        " FETCH 1 (ENVELOPE ENVELOPE)",
        " FETCH 1 (BODY[] BODY.PEEK[])",
        " FETCH 1 (BODY[]<0.5> BODY[]<0.9>)",
        " FETCH 1 (ENVELOPE X-NEW)",
        " FETCH 1 BODY[]<0.0>",
        " FETCH 1 BODY[HEADER.FIELDS ()]",
        " FETCH 1 BODY[0]",
        " FETCH 1 (ENVELOPE) (CHANGEDSINCE 5)",
        " UID FETCH 1 (ENVELOPE) (CHANGEDSINCE 5 VANISHED)",
        " FETCH 1 (ENVELOPE) (PARTIAL 1:9)",
        " STORE 1 FLAGS ()",
        " UID STORE 1 FLAGS ()",
        " FETCH 1 BODY[" + "1." * 2000 + "1]",
    ],
)
def test_what_is_left_to_the_upstream(text):
    assert read(text) is None


@pytest.mark.parametrize(
    ("attributes", "touches", "live", "exact"),
    [
        ("ENVELOPE", False, b"(UID)", b"(UID)"),
        ("(UID FLAGS ENVELOPE)", False, b"(UID FLAGS)", b"(UID FLAGS)"),
        ("BODY.PEEK[TEXT]", False, b"(UID)", b"(UID BODY.PEEK[]<0.1>)"),
        ("BODY[TEXT]", True, b"(UID BODY[]<0.1>)", b"(UID BODY[]<0.1>)"),
        ("(RFC822.HEADER)", False, b"(UID)", b"(UID BODY.PEEK[]<0.1>)"),
        ("(RFC822 MODSEQ)", True, b"(UID MODSEQ BODY[]<0.1>)", b"(UID MODSEQ BODY[]<0.1>)"),
    ],
)
def test_what_the_upstream_is_asked_instead(attributes, touches, live, exact):
    what = asked(attributes)

    assert what.touches is touches
    assert what.question(exact=False).words == live
    assert what.question(exact=True).words == exact


@pytest.mark.parametrize("name", ["FETCH", "UID FETCH"])
def test_a_uid_is_told_where_it_is_asked_for(name):
    assert asked("ENVELOPE", name).wants_uid == (name != "FETCH")
    assert asked("(UID ENVELOPE)", name).wants_uid
    assert (b"UID" in asked("ENVELOPE", name).names) == (name != "FETCH")


@pytest.mark.parametrize(
    ("attributes", "is_one"),
    [
        ("(UID ENVELOPE)", True),
        ("(uid BODY.PEEK[] FLAGS)", True),
        ("(ENVELOPE UID)", False),
        ("(ENVELOPE)", False),
        ("UID", False),
        ("ALL", False),
    ],
)
def test_answers_of_both_commands_have_one_shape_where_the_uid_is_asked_for_first(
    attributes, is_one
):
    assert (asked(attributes).key == asked(attributes, "UID FETCH").key) == is_one
