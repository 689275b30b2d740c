"""An upstream that contradicts itself, or says what nobody asked for."""

import pytest

from imapproxy.cache.store import Mailbox, Need
from tests.logged_errors import logged_errors
from tests.relay.cached import ACCOUNT, FETCH_ENVELOPES, SELECT

__all__ = ["logged_errors"]

INBOX = Mailbox(ACCOUNT, b"INBOX", b"", 7)
RELAYED = r"""
    C: e2 FETCH 1 (UID ENVELOPE)
    U: e2 FETCH 1 (UID ENVELOPE)
    S: e2 NO .
    R: e2 NO .
"""


@pytest.fixture
def envelopes(live):
    """A session that has fetched the envelopes of INBOX."""
    talk = live.talk()
    talk.script(SELECT)
    talk.script(FETCH_ENVELOPES)
    return talk


def bodies(cached, mailbox=INBOX):
    sections = cached.store.reader.sections(mailbox, Need(("",)), 1, 2**32 - 1, 2**30)
    return {section.uid: section.data for section in sections}


@pytest.mark.parametrize(
    "said",
    [
        "* OK [UIDVALIDITY 8] It is another mailbox now.",
        "* OK [UIDNOTSTICKY] .",
        "* 2 EXISTS",
        "* 4 EXPUNGE",
        "* 0 EXPUNGE",
        "* VANISHED 11:",
    ],
)
def test_who_contradicts_himself_is_not_believed(envelopes, said):
    envelopes.script(f"""
        C: n NOOP
        U: n NOOP
        S: {said}
        R: {said}
        S: n OK .
        R: n OK .
    """)
    envelopes.script(RELAYED)


@pytest.mark.parametrize("said", ["* 2 FETCH (UID 14 BODY (x))", "* 9 FETCH (UID 19 BODY (x))"])
def test_who_gives_a_message_another_uid_is_not_believed(envelopes, said):
    envelopes.script(f"""
        C: f FETCH 2 BODY
        U: f FETCH 2 BODY
        S: {said}
        R: {said}
        S: f OK .
        R: f OK .
    """)
    envelopes.script(RELAYED)


def test_uids_that_go_backwards_are_not_believed(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(r"""
        C: e1 FETCH 1:3 (UID ENVELOPE)
        U: e1 FETCH 1:3 (UID ENVELOPE)
        S. * 1 FETCH (UID 12 ENVELOPE (a))\r\n* 2 FETCH (UID 11 ENVELOPE (b))\r\ne1 OK .\r\n
        R. * 1 FETCH (UID 12 ENVELOPE (a))\r\n* 2 FETCH (UID 11 ENVELOPE (b))\r\ne1 OK .\r\n
    """)
    talk.script(RELAYED)

    assert live.store.reader.held(INBOX, ["ENVELOPE"], (), 1, 99).tolist() == [12]


def test_a_uid_that_is_another_message_now_ends_what_was_kept(live, envelopes):
    live.store.writer.keep_attributes(INBOX, 11, {"RFC822.SIZE": b"25"})
    envelopes.script(r"""
        C: f FETCH 1 (UID RFC822.SIZE INTERNALDATE)
        U: f FETCH 1 (UID RFC822.SIZE INTERNALDATE)
        S. * 1 FETCH (UID 11 RFC822.SIZE 26 INTERNALDATE "x")\r\nf OK .\r\n
        R. * 1 FETCH (UID 11 RFC822.SIZE 26 INTERNALDATE "x")\r\nf OK .\r\n
    """)

    assert live.store.reader.held(INBOX, (), (), 1, 99).tolist() == []


def test_a_size_that_lies_is_told_as_it_was(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(r"""
        C: f UID FETCH 11 (RFC822.SIZE BODY.PEEK[])
        U: f UID FETCH 11 (RFC822.SIZE BODY.PEEK[])
        S. * 1 FETCH (UID 11 RFC822.SIZE 999 BODY[] {9}\r\nA: b\r\n\r\nc)\r\nf OK .\r\n
        R. * 1 FETCH (UID 11 RFC822.SIZE 999 BODY[] {9}\r\nA: b\r\n\r\nc)\r\nf OK .\r\n
        U: P1 FETCH 2:3 (UID)
        S. * 2 FETCH (UID 12)\r\n* 3 FETCH (UID 13)\r\nP1 OK .\r\n
        C: g UID FETCH 11 (RFC822.SIZE BODY.PEEK[])
        R. * 1 FETCH (UID 11 RFC822.SIZE 999 BODY[] {9}\r\nA: b\r\n\r\nc)\r\n
        R: g OK Fetch completed.
    """)


def test_a_body_that_nobody_asked_for_is_kept_under_its_own_mailbox_or_not_at_all(live):
    talk = live.talk()
    talk.script(r"""
        S. * 1 FETCH (UID 1 BODY[] {3}\r\none)\r\n
        R. * 1 FETCH (UID 1 BODY[] {3}\r\none)\r\n
    """)
    talk.script(SELECT)
    talk.script(r"""
        C: s SELECT Other
        U: s SELECT Other
        S. * 1 FETCH (UID 11 BODY[] {3}\r\ntwo)\r\n
        R. * 1 FETCH (UID 11 BODY[] {3}\r\ntwo)\r\n
        S. * 1 EXISTS\r\n* OK [UIDVALIDITY 8] .\r\n
        R. * 1 EXISTS\r\n* OK [UIDVALIDITY 8] .\r\n
        S. * 1 FETCH (UID 11 BODY[] {5}\r\nthree)\r\n
        R. * 1 FETCH (UID 11 BODY[] {5}\r\nthree)\r\n
        S. s OK .\r\n
        R. s OK .\r\n
    """)

    assert live.store.reader.holdings() == []


def test_a_part_that_nobody_asked_for_has_no_known_length(live, envelopes):
    envelopes.script(r"""
        S. * 1 FETCH (UID 11 BODY[]<0> {3}\r\none)\r\n
        R. * 1 FETCH (UID 11 BODY[]<0> {3}\r\none)\r\n
    """)

    need = Need(("<0.3>", "<0.10>", ""))
    assert live.store.reader.sections(INBOX, need, 1, 99, 99) == []


@pytest.mark.parametrize("size", [9, 100_000])
def test_of_a_literal_that_is_cut_short_nothing_is_kept(live, envelopes, size):
    envelopes.script(rf"""
        C: b UID FETCH 11 BODY.PEEK[]
        U: b UID FETCH 11 BODY.PEEK[]
        S. * 1 FETCH (UID 11 BODY[] {{{size}}}\r\nA: b
        R. * 1 FETCH (UID 11 BODY[] {{{size}}}\r\nA: b
    """)
    envelopes.upstream_closes()

    assert envelopes.client_wire.take() == b""  # no tag can be told from octets of the literal
    assert envelopes.client_wire.closed
    assert bodies(live) == {}


def test_what_cannot_be_read_is_passed_on_and_not_kept(live, envelopes):
    envelopes.script(r"""
        C: b UID FETCH 11:12 BODY.PEEK[]
        U: b UID FETCH 11:12 BODY.PEEK[]
        S. * 1 FETCH (UID 11 BODY[] {3}\r\none ((]\r\n
        R. * 1 FETCH (UID 11 BODY[] {3}\r\none ((]\r\n
        S. * 2 FETCH (UID 12 BODY[] {3}\r\ntwo)\r\n
        R. * 2 FETCH (UID 12 BODY[] {3}\r\ntwo)\r\n
        S: b OK .
        R: b OK .
    """)

    assert bodies(live) == {12: b"two"}


def test_parts_that_are_answered_out_of_order_are_told_in_order(live, envelopes):
    envelopes.script(r"""
        C: n NOOP
        U: n NOOP
        S. * 5 EXISTS\r\nn OK .\r\n
        R. * 5 EXISTS\r\nn OK .\r\n
        U: P1 FETCH 4:5 (UID)
        S. * 4 FETCH (UID 14)\r\n* 5 FETCH (UID 15)\r\nP1 OK .\r\n
        C: f FETCH 1:5 (UID ENVELOPE)
        U: f FETCH 4:5 (UID ENVELOPE)
        R: * 1 FETCH (UID 11 ENVELOPE (a))
        R: * 2 FETCH (UID 12 ENVELOPE (b))
        R: * 3 FETCH (UID 13 ENVELOPE ("c" NIL))
        C: g FETCH 2 (UID ENVELOPE)
        S. * 5 FETCH (UID 15 ENVELOPE (e))\r\n* 4 FETCH (UID 14 ENVELOPE (d))\r\nf OK .\r\n
        R. * 5 FETCH (UID 15 ENVELOPE (e))\r\n* 4 FETCH (UID 14 ENVELOPE (d))\r\nf OK .\r\n
        R: * 2 FETCH (UID 12 ENVELOPE (b))
        R: g OK Fetch completed.
    """)
