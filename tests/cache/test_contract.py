"""What every store does, whatever it is made of."""

from array import array

import pytest

from imapproxy.cache.store import (
    INLINE_MAX,
    Form,
    Mailbox,
    Need,
    Section,
    StoreError,
    UidList,
)
from tests.deadline import in_reactor

INBOX = Mailbox(b"mail.example:anna", b"INBOX", b"", 7)
ARCHIVE = Mailbox(b"mail.example:anna", b"Archive", b"", 9)
BODY = Need(("",))
ALL = 1, 2**32 - 1
DATE = b'"01-Jan-2026 10:00:00 +0000"'
MESSAGE = b"Subject: tea\r\n\r\nAt five.\r\n"
LARGE = bytes(range(256)) * 4 * 300  # 300 KiB: in pieces in every store


def message(uid: int) -> bytes:
    return b"Subject: number %d\r\n\r\nText.\r\n" % uid


def clean(key: str) -> Need:
    """This section, if it is clean."""
    return Need(("not held", key), clean=True)


def keep_message(store, mailbox, uid, octets=None):
    octets = message(uid) if octets is None else octets
    store.writer.keep_section(mailbox, uid, "", Form.LITERAL, octets)


def held(store, mailbox, attributes=(), needs=(), low=1, high=2**32 - 1):
    return list(store.reader.held(mailbox, attributes, needs, low, high))


def bodies(store, mailbox, need=BODY, max_octets=2**40):
    """The sections by UID, octets read whichever way they are given."""
    return {
        section.uid: whole(store, section)
        for section in store.reader.sections(mailbox, need, *ALL, max_octets)
    }


def whole(store, section: Section) -> bytes:
    if section.data is not None:
        assert len(section.data) == section.size <= INLINE_MAX
        return section.data
    pieces, at = [], 0
    while at < section.size:
        pieces.append(store.reader.octets(section.content, at, 50_000))
        assert 0 < len(pieces[-1]) <= 50_000
        at += len(pieces[-1])
    assert store.reader.octets(section.content, section.size, 10) == b""
    return b"".join(pieces)


# -- the list of UIDs ------------------------------------------------------------------------


@in_reactor
async def test_a_uid_list_comes_back(store):
    assert store.reader.uid_list(INBOX) is None
    store.writer.keep_uid_list(INBOX, UidList(11, array("I", [3, 7, 10])))
    await store.flushed()
    assert store.reader.uid_list(INBOX) == UidList(11, array("I", [3, 7, 10]))
    store.writer.keep_uid_list(INBOX, UidList(2**32 - 1, array("I", [2**32 - 2])))
    await store.flushed()
    assert store.reader.uid_list(INBOX) == UidList(2**32 - 1, array("I", [2**32 - 2]))
    assert store.reader.uid_list(ARCHIVE) is None


@in_reactor
async def test_an_empty_list_is_a_list(store):
    store.writer.keep_uid_list(INBOX, UidList(1, array("I")))
    await store.flushed()
    assert store.reader.uid_list(INBOX) == UidList(1, array("I"))


@in_reactor
async def test_a_list_that_goes_on_growing_is_not_the_one_that_was_kept(store):
    uids = array("I", [1, 2])
    store.writer.keep_uid_list(INBOX, UidList(3, uids))
    uids.append(3)
    await store.flushed()
    assert store.reader.uid_list(INBOX) == UidList(3, array("I", [1, 2]))


async def listed_and_swept(store, uid_next, uids):
    store.writer.keep_uid_list(INBOX, UidList(uid_next, array("I", uids)))
    await getattr(store, "settled", store.flushed)()


@in_reactor
async def test_what_is_not_in_a_newer_list_goes(store):
    for uid in (1, 2, 3, 7, 9):
        keep_message(store, INBOX, uid)
        keep_message(store, ARCHIVE, uid)
    await listed_and_swept(store, 4, [1, 2, 3])
    assert held(store, INBOX) == [1, 2, 3, 7, 9], "of those from UIDNEXT on it tells nothing"
    await listed_and_swept(store, 8, [1, 3, 6])
    assert held(store, INBOX) == [1, 3, 9]
    assert bodies(store, INBOX).keys() == {1, 3, 9}
    assert held(store, ARCHIVE) == [1, 2, 3, 7, 9]
    (inbox,) = [one for one in store.reader.holdings() if one.mailbox == INBOX]
    assert (inbox.messages, inbox.bodies) == (3, 3)


@in_reactor
async def test_what_came_and_went_unseen_goes_too(store):
    await listed_and_swept(store, 4, [1, 2, 3])
    for uid in (2, 4, 5):
        keep_message(store, INBOX, uid)
    await listed_and_swept(store, 7, [1, 2, 3, 5, 6])
    assert held(store, INBOX) == [2, 5]


@in_reactor
async def test_all_have_gone(store):
    for uid in range(1, 1203):
        store.writer.keep_attributes(INBOX, uid, {"FLAGS": b"()"})
    await listed_and_swept(store, 1203, range(1, 1203))
    assert len(held(store, INBOX)) == 1202
    await listed_and_swept(store, 1203, [])
    assert held(store, INBOX) == []


@in_reactor
async def test_among_many_the_few_that_went_are_found(store):
    for uid in range(1, 12_001):
        store.writer.keep_attributes(INBOX, uid, {"FLAGS": b"()"})
    there = [uid for uid in range(1, 12_001) if uid not in (5, 10_000, 10_001, 11_999)]
    await listed_and_swept(store, 12_001, there)
    assert held(store, INBOX) == there


# -- UIDVALIDITY -----------------------------------------------------------------------------


@in_reactor
async def test_a_list_of_another_uid_validity_drops_the_mailbox(store):
    keep_message(store, INBOX, 1)
    store.writer.keep_attributes(INBOX, 1, {"ENVELOPE": b"(NIL)"})
    keep_message(store, ARCHIVE, 1)
    for uid_validity in (8, 5):  # the second one goes back: a mailbox out of a backup
        anew = INBOX._replace(uid_validity=uid_validity)
        store.writer.keep_uid_list(anew, UidList(1, array("I")))
        await store.flushed()
        assert held(store, INBOX) == held(store, anew) == []
        assert store.reader.uid_list(anew) == UidList(1, array("I"))
    assert bodies(store, ARCHIVE) == {1: message(1)}


@in_reactor
async def test_what_is_written_under_a_higher_uid_validity_drops_the_lower_one(store):
    keep_message(store, INBOX, 1)
    higher = INBOX._replace(uid_validity=8)
    keep_message(store, higher, 2)
    await store.flushed()
    assert bodies(store, INBOX) == {}
    assert bodies(store, higher) == {2: message(2)}


@in_reactor
async def test_what_a_session_still_writes_under_a_lower_uid_validity_is_not_kept(store):
    keep_message(store, INBOX, 1)
    lower = INBOX._replace(uid_validity=6)
    keep_message(store, lower, 2)
    store.writer.keep_attributes(lower, 2, {"ENVELOPE": b"(NIL)"})
    store.writer.forget(lower, [1])
    store.writer.count(lower, 1, 1)
    store.writer.copied(INBOX, lower, [(1, 3)])
    await store.flushed()
    assert held(store, lower) == []
    assert bodies(store, INBOX) == {1: message(1)}


# -- attributes ------------------------------------------------------------------------------


@in_reactor
async def test_attributes_come_back_in_the_order_that_is_asked_for(store):
    store.writer.keep_attributes(INBOX, 5, {"INTERNALDATE": DATE, "ENVELOPE": b"(NIL)"})
    store.writer.keep_attributes(INBOX, 2, {"RFC822.SIZE": b"77", "FLAGS": b"(\\Seen)"})
    store.writer.keep_attributes(INBOX, 5, {"FLAGS": b"()"})
    await store.flushed()
    reader = store.reader
    assert reader.attributes(INBOX, ["ENVELOPE", "INTERNALDATE"], *ALL) == [(5, b"(NIL)", DATE)]
    assert reader.attributes(INBOX, ["FLAGS", "RFC822.SIZE"], *ALL) == [
        (2, b"(\\Seen)", b"77"),
        (5, b"()", None),
    ]
    assert reader.attributes(INBOX, ["RFC822.SIZE", "ENVELOPE"], 3, 9) == [(5, None, b"(NIL)")]
    assert reader.attributes(INBOX, ["BODY"], *ALL) == []
    assert reader.attributes(INBOX, ["FLAGS"], 3, 4) == []
    assert reader.attributes(ARCHIVE, ["FLAGS"], *ALL) == []


@in_reactor
async def test_every_attribute_is_kept_as_it_came(store):
    values = {
        "FLAGS": b"(\\Seen $x)",
        "INTERNALDATE": DATE,
        "RFC822.SIZE": b"4294967299",
        "ENVELOPE": b'({3}\r\n"\r\n NIL \xff\x00)',
        "BODY": b'("TEXT" "PLAIN")',
        "BODYSTRUCTURE": b"(" + b"x" * 20_000 + b")",
        "EMAILID": b"(M1)",
    }
    store.writer.keep_attributes(INBOX, 2**32 - 1, {**values, "MODSEQ": b"(7)", "BODY": b"(x)"})
    store.writer.keep_attributes(INBOX, 2**32 - 1, {"BODY": values["BODY"]})
    await store.flushed()
    assert store.reader.attributes(INBOX, list(values), *ALL) == [
        (2**32 - 1, *values.values()),
    ]


@in_reactor
async def test_the_newer_value_takes_the_place_of_the_older(store):
    store.writer.keep_attributes(INBOX, 1, {"FLAGS": b"()", "ENVELOPE": b"(1)", "BODY": b"(b)"})
    await store.flushed()
    store.writer.keep_attributes(INBOX, 1, {"FLAGS": b"(\\Seen)", "ENVELOPE": b"(2)"})
    await store.flushed()
    assert store.reader.attributes(INBOX, ["FLAGS", "ENVELOPE", "BODY"], *ALL) == [
        (1, b"(\\Seen)", b"(2)", b"(b)"),
    ]


@pytest.mark.parametrize("name", ["INTERNALDATE", "RFC822.SIZE"])
@pytest.mark.parametrize("at_once", [True, False])
@in_reactor
async def test_a_broken_word_drops_the_mailbox(store, logged_errors, name, at_once):
    keep_message(store, INBOX, 1)
    keep_message(store, ARCHIVE, 1)
    store.writer.keep_attributes(INBOX, 2, {name: b"1"})
    if not at_once:
        await store.flushed()
    store.writer.keep_attributes(INBOX, 2, {name: b"2"})
    await store.flushed()
    assert held(store, INBOX) == []
    assert held(store, ARCHIVE) == [1]
    told = [line for line in logged_errors.text().splitlines() if "INBOX" in line]
    assert len(told) == 1
    assert name in told[0]
    store.writer.keep_attributes(INBOX, 2, {name: b"2"})
    await store.flushed()
    assert held(store, INBOX, [name]) == [2]


# -- sections --------------------------------------------------------------------------------


@in_reactor
async def test_sections_come_back_ascending(store):
    for uid in (30, 10, 20):
        keep_message(store, INBOX, uid)
    await store.flushed()
    found = store.reader.sections(INBOX, BODY, 1, 25, 2**40)
    assert [(s.uid, s.key, s.form, s.size, s.clean, s.data) for s in found] == [
        (uid, "", Form.LITERAL, len(message(uid)), False, message(uid)) for uid in (10, 20)
    ]
    assert [store.reader.octets(s.content, 2, 5) for s in found] == [b"bject"] * 2


@in_reactor
async def test_the_first_of_the_keys_is_given(store):
    keep_message(store, INBOX, 1)
    store.writer.keep_section(INBOX, 1, "HEADER", Form.LITERAL, b"A: 1\r\n\r\n", clean=True)
    keep_message(store, INBOX, 2)
    store.writer.keep_section(INBOX, 3, "HEADER", Form.LITERAL, b"broken\r\n\r\n")
    store.writer.keep_section(INBOX, 4, "TEXT", Form.AS_IS, b'"text"')
    store.writer.keep_section(INBOX, 5, "TEXT", Form.LITERAL8, b"te\x00t")
    await store.flushed()

    def keys(*keys, **conditions):
        need = Need(keys, **conditions)
        found = store.reader.sections(INBOX, need, *ALL, 2**40)
        assert held(store, INBOX, (), [need]) == [section.uid for section in found]
        return {section.uid: section.key for section in found}

    assert keys("HEADER", "") == {1: "HEADER", 2: "", 3: "HEADER"}
    assert keys("", "HEADER") == {1: "", 2: "", 3: "HEADER"}
    assert keys("TEXT", "TEXT<0.10>") == {4: "TEXT", 5: "TEXT"}
    assert keys("1.MIME") == {}
    # What it is to be made of has to be fit for that; the wanted section itself always is.
    assert keys("", "HEADER", clean=True) == {1: "", 2: ""}
    assert keys("X", "HEADER", "", clean=True) == {1: "HEADER"}
    assert keys("HEADER", clean=True) == {1: "HEADER", 3: "HEADER"}
    assert keys("1", "TEXT") == {}
    assert keys("HEADER", "", beyond=len(message(2)) - 1) == {1: "HEADER", 2: "", 3: "HEADER"}
    assert keys("HEADER", "", beyond=len(message(2))) == {1: "HEADER", 3: "HEADER"}


@in_reactor
async def test_sections_end_where_the_octets_are_reached(store):
    for uid in range(1, 6):
        keep_message(store, INBOX, uid, b"x" * 100)
    await store.flushed()

    def uids(max_octets):
        return [s.uid for s in store.reader.sections(INBOX, BODY, *ALL, max_octets)]

    assert uids(1) == uids(100) == [1]
    assert uids(101) == [1, 2]
    assert uids(499) == uids(500) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("size", [0, 1, INLINE_MAX, INLINE_MAX + 1, 2**18, 2**18 + 1, 2**19])
@pytest.mark.parametrize("form", list(Form))
@in_reactor
async def test_a_section_of_any_size_comes_back(store, size, form):
    octets = (LARGE * 2)[:size]
    store.writer.keep_section(INBOX, 1, "1.2", form, octets)
    await store.flushed()
    (section,) = store.reader.sections(INBOX, Need(("1.2",)), *ALL, 1)
    assert (section.form, section.size) == (form, size)
    assert (section.data is None) == (size > INLINE_MAX)
    assert whole(store, section) == octets
    at, length = size // 3, size // 2
    assert store.reader.octets(section.content, at, length) == octets[at : at + length]


@pytest.mark.parametrize("key", ["HEADER", "TEXT", "BINARY.SIZE[1]"])
@in_reactor
async def test_a_newer_section_takes_the_place_of_the_older(store, key):
    store.writer.keep_section(INBOX, 1, key, Form.LITERAL, b"older")
    await store.flushed()
    store.writer.keep_section(INBOX, 1, key, Form.LITERAL, b"newer")
    await store.flushed()
    assert bodies(store, INBOX, Need((key,))) == {1: b"newer"}


@in_reactor
async def test_the_same_section_again_may_say_that_it_is_clean(store):
    for told in (False, True, False):
        store.writer.keep_section(INBOX, 1, "HEADER", Form.LITERAL, b"A: 1\r\n\r\n", clean=told)
        await store.flushed()
    assert bodies(store, INBOX, clean("HEADER")) == {1: b"A: 1\r\n\r\n"}


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("in_pieces", [True, False])
@in_reactor
async def test_another_message_under_a_uid_drops_the_mailbox(
    store, logged_errors, at_once, in_pieces
):
    keep_message(store, INBOX, 1)
    store.writer.keep_attributes(INBOX, 2, {"ENVELOPE": b"(NIL)"})
    keep_message(store, INBOX, 3, LARGE)
    if not at_once:
        await store.flushed()
    if in_pieces:
        section = store.writer.begin_section(INBOX, 3, "", Form.LITERAL, len(LARGE))
        section.write(LARGE[:-1] + b"!")
        section.close()
    else:
        keep_message(store, INBOX, 1, b"Something else")
    await store.flushed()
    assert held(store, INBOX) == []
    assert len([line for line in logged_errors.text().splitlines() if "BODY[]" in line]) == 1


@in_reactor
async def test_a_message_that_is_written_in_another_form_breaks_no_word(store):
    keep_message(store, INBOX, 1, b"short")
    store.writer.keep_section(INBOX, 1, "", Form.AS_IS, b'"short"')
    await store.flushed()
    (section,) = store.reader.sections(INBOX, BODY, *ALL, 1)
    assert (section.form, section.data) == (Form.AS_IS, b'"short"')


# -- sections in pieces ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, len(LARGE)])
@in_reactor
async def test_a_section_in_pieces_counts_when_it_is_closed(store, size):
    octets = LARGE[-size:]
    section = store.writer.begin_section(INBOX, 1, "", Form.LITERAL, size)
    for at in range(0, size, 7_000):
        section.write(octets[at : at + 7_000])
    await store.flushed()
    assert held(store, INBOX, (), [BODY]) == []
    section.close(header=b"A: 1\r\n\r\n", clean=True)
    await store.flushed()
    assert bodies(store, INBOX) == {1: octets}
    assert held(store, INBOX, (), [clean("")]) == [1]
    assert bodies(store, INBOX, clean("HEADER")) == {1: b"A: 1\r\n\r\n"}


@pytest.mark.parametrize("size", [10, len(LARGE)])
@in_reactor
async def test_half_a_section_is_never_kept(store, size):
    octets = LARGE[:size]
    begun = [store.writer.begin_section(INBOX, n, "", Form.LITERAL, size) for n in range(1, 6)]
    short, long, aborted, left, good = begun
    short.write(octets[:-1])
    short.close(header=b"A: 1\r\n\r\n")
    long.write(octets)
    long.write(b"!")
    long.close(header=b"A: 1\r\n\r\n")
    aborted.write(octets)
    aborted.abort()
    aborted.close()
    left.write(octets)
    good.write(octets[:5])
    good.write(octets[5:])
    good.close()
    good.abort()
    await store.flushed()
    assert held(store, INBOX) == [5]
    assert bodies(store, INBOX) == {5: octets}


@pytest.mark.parametrize(("header", "told"), [(b"A: 1\r\n\r\n", False), (LARGE, True)])
@in_reactor
async def test_what_is_clean_is_told_of_each(store, header, told):
    section = store.writer.begin_section(INBOX, 1, "", Form.LITERAL, len(LARGE))
    section.write(LARGE)
    section.close(header, clean=told)
    await store.flushed()
    assert held(store, INBOX, (), [clean("")]) == ([] if header == LARGE else [1])
    assert held(store, INBOX, (), [clean("HEADER")]) == ([1] if told else [])
    assert bodies(store, INBOX, Need(("HEADER",))) == {1: header}


@in_reactor
async def test_sections_in_pieces_do_not_mix(store):
    one, other = (store.writer.begin_section(INBOX, n, "", Form.LITERAL, 2 * 2**18) for n in (1, 2))
    for _ in range(4):
        one.write(b"1" * 2**17)
        other.write(b"2" * 2**17)
    other.close()
    one.close()
    await store.flushed()
    assert bodies(store, INBOX) == {1: b"1" * 2**19, 2: b"2" * 2**19}


@in_reactor
async def test_what_no_server_may_say_is_not_kept_and_hurts_nobody(store):
    odd = INBOX._replace(uid_validity=2**80)
    keep_message(store, INBOX, 9)
    for mailbox, uid in ((odd, 1), (INBOX, 0), (INBOX, -1), (INBOX, 2**32), (INBOX, 2**70)):
        keep_message(store, mailbox, uid)
        keep_message(store, mailbox, uid, LARGE)
        store.writer.keep_attributes(mailbox, uid, {"ENVELOPE": b"(NIL)"})
        section = store.writer.begin_section(mailbox, uid, "", Form.LITERAL, len(LARGE))
        section.write(LARGE)
        section.close(header=b"A: 1\r\n\r\n")
        store.writer.forget(mailbox, [uid])
        store.writer.copied(mailbox, ARCHIVE, [(uid, 1)])
        store.writer.copied(ARCHIVE, mailbox, [(1, uid)])
    store.writer.keep_uid_list(odd, UidList(1, array("I")))
    store.writer.keep_uid_list(INBOX, UidList(2**80, array("I")))
    store.writer.count(odd, 1, 1)
    store.writer.keep_section(INBOX, 7, "HEADER.FIELDS (\udc80)", Form.LITERAL, b"x")
    store.writer.keep_section(INBOX, 7, "HEADER.FIELDS (\xe4)", Form.LITERAL, b"x")
    keep_message(store, INBOX, 8)
    await store.flushed()
    assert held(store, INBOX, low=-5, high=2**80) == [8, 9]
    assert held(store, odd) == held(store, ARCHIVE) == []
    assert store.reader.uid_list(odd) is store.reader.uid_list(INBOX) is None
    need = Need(("HEADER.FIELDS (\udc80)", "\udc81", ""))
    assert bodies(store, INBOX, need) == {8: message(8), 9: message(9)}
    assert held(store, INBOX, (), [need, Need(("\udc80",))]) == []


# -- what is held ----------------------------------------------------------------------------


@in_reactor
async def test_held_is_what_has_everything(store):
    for uid in range(1, 9):
        keep_message(store, INBOX, uid)
    for uid in range(3, 12):
        store.writer.keep_attributes(INBOX, uid, {"ENVELOPE": b"(NIL)"})
    for uid in (4, 6, 20):
        store.writer.keep_attributes(INBOX, uid, {"FLAGS": b"()"})
        store.writer.keep_section(INBOX, uid, "1", Form.LITERAL, b"part")
    await store.flushed()
    assert held(store, INBOX) == [*range(1, 12), 20]
    assert held(store, INBOX, (), [BODY]) == list(range(1, 9))
    assert held(store, INBOX, ["ENVELOPE"], [BODY]) == list(range(3, 9))
    assert held(store, INBOX, ["ENVELOPE"], [BODY], 5, 7) == [5, 6, 7]
    assert held(store, INBOX, ["FLAGS"]) == [4, 6, 20]
    assert held(store, INBOX, ["FLAGS", "ENVELOPE"], [BODY, Need(("1",))]) == [4, 6]
    assert held(store, INBOX, ["FLAGS", "BODY"]) == []
    assert held(store, ARCHIVE, ["FLAGS"]) == []
    assert held(store, INBOX, (), [], 9, 3) == []


# -- mailboxes -------------------------------------------------------------------------------


@in_reactor
async def test_forgotten_messages_are_gone(store):
    for uid in range(1, 6):
        keep_message(store, INBOX, uid)
        store.writer.keep_attributes(INBOX, uid, {"FLAGS": b"()", "ENVELOPE": b"(NIL)"})
    await store.flushed()
    (section,) = store.reader.sections(INBOX, BODY, 2, 2, 1)
    store.writer.forget(INBOX, [2, 4, 77])
    await store.flushed()
    assert held(store, INBOX) == [1, 3, 5]
    assert list(bodies(store, INBOX)) == [1, 3, 5]
    assert [row[0] for row in store.reader.attributes(INBOX, ["FLAGS"], *ALL)] == [1, 3, 5]
    with pytest.raises(StoreError):
        store.reader.octets(section.content, 0, 1)


@in_reactor
async def test_a_dropped_mailbox_is_gone_at_once(store):
    for mailbox in (INBOX, ARCHIVE):
        keep_message(store, mailbox, 1)
        store.writer.keep_uid_list(mailbox, UidList(2, array("I", [1])))
        store.writer.keep_attributes(mailbox, 1, {"ENVELOPE": b"(NIL)"})
    await store.flushed()
    store.writer.drop(INBOX._replace(uid_validity=1))
    assert held(store, INBOX) == []
    assert store.reader.uid_list(INBOX) is None
    assert store.reader.attributes(INBOX, ["ENVELOPE"], *ALL) == []
    assert bodies(store, INBOX) == {}
    await store.flushed()
    assert held(store, INBOX) == []
    assert bodies(store, ARCHIVE) == {1: message(1)}
    keep_message(store, INBOX, 2)
    await store.flushed()
    assert bodies(store, INBOX) == {2: message(2)}


@pytest.mark.parametrize("octets", [b"x" * 10, LARGE])
@pytest.mark.parametrize("how", ["drop", "renamed"])
@in_reactor
async def test_a_section_that_comes_while_a_mailbox_goes_is_void(store, octets, how):
    section = store.writer.begin_section(ARCHIVE, 1, "", Form.LITERAL, len(octets))
    section.write(octets[:5])
    if how == "drop":
        store.writer.drop(ARCHIVE)
    else:
        store.writer.renamed(ARCHIVE.account, ARCHIVE.name, b"Attic")
    section.write(octets[5:])
    section.close(header=b"A: 1\r\n\r\n")
    await store.flushed()
    assert held(store, ARCHIVE) == []


@in_reactor
async def test_accounts_do_not_see_each_other(store):
    other = INBOX._replace(account=b"mail.example:bert")
    keep_message(store, INBOX, 1)
    store.writer.keep_attributes(INBOX, 1, {"EMAILID": b"(M1)"})
    store.writer.keep_attributes(other, 1, {"EMAILID": b"(M1)"})
    store.writer.keep_note(other.account, b"key", b"value")
    await store.flushed()
    assert bodies(store, other) == {}
    assert held(store, other) == [1]
    assert store.reader.note(INBOX.account, b"key") is None


@in_reactor
async def test_a_mailbox_id_outlives_a_name(store):
    before = Mailbox(b"a", b"Old", b"F1", 7)
    after = before._replace(name=b"New")
    keep_message(store, before, 1)
    store.writer.renamed(b"a", b"Old", b"New")
    await store.flushed()
    assert bodies(store, after) == {1: message(1)}
    keep_message(store, after, 2)
    await store.flushed()
    assert [holding.mailbox for holding in store.reader.holdings()] == [after]
    assert bodies(store, before._replace(mailbox_id=b"F2")) == {}
    assert bodies(store, before._replace(mailbox_id=b"")) == {}


@in_reactor
async def test_a_renamed_mailbox_keeps_what_it_has(store):
    keep_message(store, ARCHIVE, 1)
    store.writer.keep_uid_list(ARCHIVE, UidList(2, array("I", [1])))
    attic = ARCHIVE._replace(name=b"Attic")
    keep_message(store, attic, 5)  # somebody deleted that one elsewhere
    inferior = ARCHIVE._replace(name=b"Archive/2025")
    keep_message(store, inferior, 1)
    await store.flushed()
    store.writer.renamed(ARCHIVE.account, b"Archive", b"Attic")
    assert bodies(store, ARCHIVE) == bodies(store, inferior) == {}
    await store.flushed()
    assert bodies(store, ARCHIVE) == bodies(store, inferior) == {}
    assert bodies(store, attic) == {1: message(1)}
    assert store.reader.uid_list(attic) == UidList(2, array("I", [1]))


@in_reactor
async def test_a_renamed_inbox_is_empty(store):
    keep_message(store, INBOX, 1)
    keep_message(store, INBOX._replace(account=b"another"), 1)
    store.writer.renamed(INBOX.account, b"INBOX", b"Old")
    await store.flushed()
    assert held(store, INBOX) == held(store, INBOX._replace(name=b"Old")) == []
    assert held(store, INBOX._replace(account=b"another")) == [1]


@in_reactor
async def test_a_copy_has_what_its_original_has(store):
    everything = {"FLAGS": b"()", "INTERNALDATE": DATE, "EMAILID": b"(M)", "ENVELOPE": b"(NIL)"}
    keep_message(store, INBOX, 1)
    store.writer.keep_attributes(INBOX, 1, {**everything, "RFC822.SIZE": b"5"})
    keep_message(store, INBOX, 2, LARGE)
    store.writer.copied(INBOX, ARCHIVE, [(1, 11), (2, 12), (3, 13)])
    store.writer.forget(INBOX, [1, 2])
    await store.flushed()
    assert bodies(store, ARCHIVE) == {11: message(1), 12: LARGE}
    assert held(store, ARCHIVE) == [11, 12]
    assert store.reader.attributes(ARCHIVE, [*everything, "RFC822.SIZE"], *ALL) == [
        (11, None, None, None, b"(NIL)", b"5"),
    ]


@in_reactor
async def test_what_a_copy_has_already_stays(store):
    store.writer.keep_attributes(INBOX, 1, {"ENVELOPE": b"(1)", "BODY": b"(1)"})
    store.writer.keep_attributes(ARCHIVE, 1, {"ENVELOPE": b"(2)"})
    keep_message(store, INBOX, 1)
    await store.flushed()
    store.writer.copied(INBOX, ARCHIVE, [(1, 1)])
    await store.flushed()
    assert store.reader.attributes(ARCHIVE, ["ENVELOPE", "BODY"], *ALL) == [(1, b"(2)", b"(1)")]
    assert bodies(store, ARCHIVE) == {1: message(1)}


@in_reactor
async def test_a_copy_of_what_was_dropped_is_nothing(store):
    keep_message(store, INBOX, 1)
    store.writer.drop(INBOX)
    store.writer.copied(INBOX, ARCHIVE, [(1, 11)])
    await store.flushed()
    assert held(store, ARCHIVE) == []


@in_reactor
async def test_a_copy_to_the_same_name_under_a_higher_uid_validity_ends_the_original(store):
    renewed = INBOX._replace(uid_validity=INBOX.uid_validity + 1)
    keep_message(store, INBOX, 1)
    store.writer.copied(INBOX, renewed, [(1, 11)])
    keep_message(store, renewed, 11, message(1))
    await store.flushed()
    assert held(store, INBOX) == []
    assert bodies(store, renewed) == {11: message(1)}


# -- EMAILID ---------------------------------------------------------------------------------


@pytest.mark.parametrize("id_first", [True, False])
@in_reactor
async def test_messages_with_the_same_email_id_share_what_is_held(store, id_first):
    values = {"EMAILID": b"(M1)"}
    if id_first:
        store.writer.keep_attributes(INBOX, 1, values)
        store.writer.keep_attributes(ARCHIVE, 2, values)
        await store.flushed()
    keep_message(store, INBOX, 1)
    store.writer.keep_attributes(INBOX, 1, {"ENVELOPE": b"(NIL)", "INTERNALDATE": DATE})
    if not id_first:
        store.writer.keep_attributes(INBOX, 1, values)
        store.writer.keep_attributes(ARCHIVE, 2, values)
    await store.flushed()
    assert bodies(store, ARCHIVE) == {2: message(1)}
    assert store.reader.attributes(ARCHIVE, ["ENVELOPE", "INTERNALDATE"], *ALL) == [
        (2, b"(NIL)", None)
    ]
    (one,) = store.reader.sections(INBOX, BODY, *ALL, 1)
    (other,) = store.reader.sections(ARCHIVE, BODY, *ALL, 1)
    assert one.content == other.content
    store.writer.drop(INBOX)
    await store.flushed()
    assert bodies(store, ARCHIVE) == {2: message(1)}


# -- room ------------------------------------------------------------------------------------


@in_reactor
async def test_what_was_not_used_for_longest_goes_first(open_any):
    store = open_any(max_octets=4_000_000)
    try:
        for uid in range(1, 4):
            keep_message(store, INBOX, uid, b"%d" % uid * 1_000_000)
            store.writer.keep_attributes(INBOX, uid, {"ENVELOPE": b"(NIL)"})
            await store.flushed()
        (first,) = store.reader.sections(INBOX, BODY, 1, 1, 1)
        store.writer.used([first.content])
        await store.flushed()
        for uid in (4, 5):
            keep_message(store, INBOX, uid, b"%d" % uid * 1_000_000)
            await store.flushed()
        left = bodies(store, INBOX)
        assert 1 in left
        assert 2 not in left
        assert 5 in left
        assert left == {uid: b"%d" % uid * 1_000_000 for uid in left}
        assert held(store, INBOX, ["ENVELOPE"]) == [1, 2, 3]
        assert held(store, INBOX, (), [BODY]) == list(left)
    finally:
        await store.close()


# -- notes, shapes, counts -------------------------------------------------------------------


@in_reactor
async def test_notes_and_shapes_come_back(store):
    store.writer.keep_note(b"a", b"key", b"value")
    store.writer.keep_note(b"a", b"empty", b"")
    store.writer.keep_note(b"a", b"gone", b"value")
    store.writer.keep_shape(b"a", b"FETCH (FLAGS)", [b"UID", b"BODY[]", b""])
    store.writer.keep_shape(b"a", b"FETCH ()", [])
    await store.flushed()
    store.writer.keep_note(b"a", b"gone", None)
    store.writer.keep_note(b"a", b"never there", None)
    store.writer.keep_note(b"a", b"key", b"newer")
    store.writer.keep_shape(b"a", b"FETCH (FLAGS)", [b"FLAGS"])
    await store.flushed()
    reader = store.reader
    assert [reader.note(b"a", key) for key in (b"key", b"empty", b"gone")] == [b"newer", b"", None]
    assert reader.shape(b"a", b"FETCH (FLAGS)") == (b"FLAGS",)
    assert reader.shape(b"a", b"FETCH ()") == ()
    assert reader.shape(b"b", b"FETCH ()") is reader.note(b"b", b"key") is None


@in_reactor
async def test_the_newest_thousand_shapes_are_kept(store):
    for number in range(1_101):
        store.writer.keep_shape(b"a", b"%d" % number, [b"UID"])
        if number % 100 == 0:
            await store.flushed()
    store.writer.keep_shape(b"b", b"0", [b"UID"])
    await store.flushed()
    kept = [n for n in range(1_101) if store.reader.shape(b"a", b"%d" % n)]
    assert len(kept) == 1_000
    assert set(range(1_001, 1_101)) < set(kept)
    assert store.reader.shape(b"b", b"0") == (b"UID",)


@in_reactor
async def test_holdings_tell_how_much_there_is(store):
    assert store.reader.holdings() == []
    keep_message(store, INBOX, 1)
    store.writer.keep_section(INBOX, 1, "HEADER", Form.LITERAL, b"x" * 10)
    keep_message(store, INBOX, 2, LARGE)
    store.writer.keep_attributes(INBOX, 3, {"FLAGS": b"()"})
    store.writer.copied(INBOX, ARCHIVE, [(1, 1)])
    store.writer.count(INBOX, 5, 1)
    store.writer.count(INBOX, 2, 0)
    await store.flushed()
    inbox, archive = sorted(store.reader.holdings(), key=lambda holding: -holding.messages)
    assert inbox._replace(used=0) == (
        INBOX,
        3,
        2,
        len(message(1)) + 10 + len(LARGE),
        7,
        1,
        0,
    )
    assert archive._replace(used=0) == (ARCHIVE, 1, 1, len(message(1)) + 10, 0, 0, 0)
    assert inbox.used > 0


@in_reactor
async def test_what_is_kept_counts_against_the_budget(open_any):
    store = open_any(max_octets=40_000_000)
    before = store.budget()
    keep_message(store, INBOX, 1, LARGE)
    await store.flushed()
    after = store.budget()
    assert before.limit == after.limit == 40_000_000
    # A page or two were there already.
    assert abs(after.in_use - before.in_use - len(LARGE)) < 50_000
    await store.close()


@in_reactor
async def test_flushed_and_close_may_be_called_at_any_time(store):
    await store.flushed()
    await store.flushed()
    keep_message(store, INBOX, 1)
    first, second = store.flushed(), store.flushed()
    await first
    await second
    assert held(store, INBOX) == [1]


@in_reactor
async def test_what_is_told_later_is_in_order_with_all_else(store):
    def keep(uid):
        def later(keeping):
            keeping.keep_attributes(INBOX, uid, {"RFC822.SIZE": b"3"})
            keeping.keep_section(INBOX, uid, "", Form.LITERAL, b"abc", clean=True)
            keeping.keep_section(INBOX, 2**32, "", Form.LITERAL, b"no UID")
            keeping.keep_attributes(INBOX, uid, {"UNKNOWN": b"1", "ENVELOPE": b""})

        return later

    store.writer.keep_later(keep(1), 3)
    store.writer.keep_later(keep(2), 3)
    store.writer.forget(INBOX, [1])
    store.writer.keep_later(keep(3), 3)
    store.writer.copied(INBOX, ARCHIVE, [(3, 9)])
    await store.flushed()
    reader = store.reader
    assert reader.attributes(INBOX, ("RFC822.SIZE", "ENVELOPE"), *ALL) == [
        (2, b"3", None),
        (3, b"3", None),
    ]
    sections = [*reader.sections(INBOX, BODY, *ALL, 99), *reader.sections(ARCHIVE, BODY, *ALL, 99)]
    assert [(s.uid, s.data, s.clean) for s in sections] == [
        (2, b"abc", True),
        (3, b"abc", True),
        (9, b"abc", True),
    ]
