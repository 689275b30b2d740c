"""What of a mailbox is answered from here, what is asked, and what goes by."""

import pytest

from imapproxy.cache.store import Mailbox
from tests.relay.cached import ACCOUNT, FETCH_ENVELOPES, SELECT


def test_what_was_fetched_once_is_served(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(FETCH_ENVELOPES)
    talk.script(r"""
        C: e2 FETCH 2:3 (UID ENVELOPE)
        R: * 2 FETCH (UID 12 ENVELOPE (b))
        R: * 3 FETCH (UID 13 ENVELOPE ("c" NIL))
        R: e2 OK Fetch completed.
    """)


def test_the_next_session_is_served_too(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(FETCH_ENVELOPES)
    talk.client_closes()
    talk = live.talk()
    talk.script(SELECT)
    talk.script(r"""
        C: e2 UID FETCH 12,11 (ENVELOPE)
        U. P1 UID FETCH 11 (ENVELOPE)\r\ne2 UID FETCH 12 (UID)\r\n
        S. * 1 FETCH (UID 11 ENVELOPE (a))\r\nP1 OK .\r\n* 2 FETCH (UID 12)\r\ne2 OK .\r\n
        R: * 1 FETCH (UID 11 ENVELOPE (a))
        R: * 2 FETCH (UID 12 ENVELOPE (b))
        R: e2 OK .
        C: e3 UID FETCH 12:* (ENVELOPE)
        R: * 2 FETCH (UID 12 ENVELOPE (b))
        R: * 3 FETCH (UID 13 ENVELOPE ("c" NIL))
        R: e3 OK Fetch completed.
    """)


def test_what_came_before_its_turn_is_told_before_the_numbers_change(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(FETCH_ENVELOPES)
    live.store.writer.forget(Mailbox(ACCOUNT, b"INBOX", b"", 7), [12])
    talk.script(r"""
        C: u UID FETCH 11:13 (UID ENVELOPE)
        U. P1 UID FETCH 11 (UID)\r\nP2 UID FETCH 12 (UID ENVELOPE)\r\nu UID FETCH 13 (UID)\r\n
        S. * 2 FETCH (UID 12 ENVELOPE (b))\r\n* 1 EXPUNGE\r\nP2 OK .\r\n
        R. * 2 FETCH (UID 12 ENVELOPE (b))\r\n* 1 EXPUNGE\r\n
        S. P1 NO [EXPUNGEISSUED] .\r\n* 2 FETCH (UID 13)\r\nu OK .\r\n
        R. * 2 FETCH (UID 13 ENVELOPE ("c" NIL))\r\nu NO [EXPUNGEISSUED] .\r\n
    """)


@pytest.mark.parametrize(
    ("uid_next", "exists"),
    [(21, 3), (20, 2), (0, 3), (20, 4)],
    ids=["one came and one went", "one went", "UIDNEXT is not told", "UIDNEXT is not true"],
)
def test_the_list_of_last_time_is_not_believed_unless_the_upstream_confirms_it(
    live, uid_next, exists
):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(FETCH_ENVELOPES)
    talk.client_closes()
    talk = live.talk()
    told = b"* OK [UIDNEXT %d] .\r\n" % uid_next if uid_next else b""
    talk.client.dataReceived(b"s SELECT INBOX\r\n")
    talk.upstream.dataReceived(b"* %d EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n" % exists + told)
    talk.upstream.dataReceived(b"s OK .\r\n")
    talk.client_wire.take()
    talk.client.dataReceived(b"e FETCH 1 (UID ENVELOPE)\r\n")
    assert b"FETCH" in talk.upstream_wire.take()
    assert talk.client_wire.take() == b""


def test_the_list_of_last_time_is_dropped_when_its_last_message_is_another_one(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(FETCH_ENVELOPES)
    talk.client_closes()
    talk = live.talk()
    talk.script(r"""
        C: s SELECT INBOX
        U: s SELECT INBOX
        S. * 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 21] .\r\ns OK .\r\n
        R. * 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 21] .\r\ns OK .\r\n
        U: P1 FETCH 3:3 (UID)
        S. * 3 FETCH (UID 20)\r\nP1 OK .\r\n
        C: e FETCH 1 (UID ENVELOPE)
        U: e FETCH 1 (UID ENVELOPE)
        S. * 1 FETCH (UID 12 ENVELOPE (b))\r\ne OK .\r\n
        R. * 1 FETCH (UID 12 ENVELOPE (b))\r\ne OK .\r\n
        U: P2 FETCH 2:2 (UID)
    """)


def test_both_commands_are_served_where_the_uid_is_asked_for_first(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(FETCH_ENVELOPES)
    talk.script(r"""
        C: u UID FETCH 11:12 (UID ENVELOPE)
        R: * 1 FETCH (UID 11 ENVELOPE (a))
        R: * 2 FETCH (UID 12 ENVELOPE (b))
        R: u OK Fetch completed.
    """)


def test_what_went_while_nobody_watched_is_not_held_any_more(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(FETCH_ENVELOPES)
    talk.client_closes()
    assert [one.messages for one in live.store.reader.holdings()] == [3]
    talk = live.talk()
    talk.script(r"""
        C: s SELECT INBOX
        U: s SELECT INBOX
        S. * 2 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\ns OK .\r\n
        R. * 2 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\ns OK .\r\n
        C: f UID FETCH 1:* FLAGS
        U: f UID FETCH 1:* FLAGS
        S. * 1 FETCH (UID 11 FLAGS ())\r\n* 2 FETCH (UID 13 FLAGS ())\r\nf OK .\r\n
        R. * 1 FETCH (UID 11 FLAGS ())\r\n* 2 FETCH (UID 13 FLAGS ())\r\nf OK .\r\n
    """)
    assert [one.messages for one in live.store.reader.holdings()] == [2]


def test_what_comes_in_pieces_is_counted_too(live):
    talk = live.talk()
    talk.script(SELECT)
    before = live.traffic.octets_asked
    talk.script(r"""
        C: b1 FETCH 1 BODY.PEEK[]
        U: b1 FETCH 1 BODY.PEEK[]
        S. * 1 FETCH (BODY[] {10}\r\n01234
        R. * 1 FETCH (BODY[] {10}\r\n01234
        S. 56789)\r\nb1 OK .\r\n
        R. 56789)\r\nb1 OK .\r\n
        U: P1 FETCH 1:3 (UID)
    """)
    assert live.traffic.octets_asked - before == len(b"* 1 FETCH (BODY[] {10}\r\n0123456789")


def test_flags_are_asked_for_and_the_rest_is_held(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(r"""
        C: f1 FETCH 1:2 (FLAGS UID ENVELOPE)
        U: f1 FETCH 1:2 (FLAGS UID ENVELOPE)
        S. * 1 FETCH (FLAGS () UID 11 ENVELOPE (a))\r\n
        R. * 1 FETCH (FLAGS () UID 11 ENVELOPE (a))\r\n
        S. * 2 FETCH (FLAGS () UID 12 ENVELOPE (b))\r\nf1 OK .\r\n
        R. * 2 FETCH (FLAGS () UID 12 ENVELOPE (b))\r\nf1 OK .\r\n
        U: P1 FETCH 3:3 (UID)
        S. * 3 FETCH (UID 13)\r\nP1 OK .\r\n
        C: f2 FETCH 1:2 (FLAGS UID ENVELOPE)
        U: f2 FETCH 1:2 (UID FLAGS)
        S. * 1 FETCH (UID 11 FLAGS (\\Seen))\r\n* 2 FETCH (UID 12 FLAGS ())\r\nf2 OK done.\r\n
        R: * 1 FETCH (FLAGS (\\Seen) UID 11 ENVELOPE (a))
        R: * 2 FETCH (FLAGS () UID 12 ENVELOPE (b))
        R: f2 OK done.
    """)


def test_a_body_is_cut_into_what_is_asked_for(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(r"""
        C: b1 UID FETCH 11 BODY.PEEK[]
        U: b1 UID FETCH 11 BODY.PEEK[]
        S. * 1 FETCH (UID 11 BODY[] {25}\r\nFrom: me\r\nTo: you\r\n\r\nHi\r\n
        R. * 1 FETCH (UID 11 BODY[] {25}\r\nFrom: me\r\nTo: you\r\n\r\nHi\r\n
        S. )\r\nb1 OK .\r\n
        R. )\r\nb1 OK .\r\n
        U: P1 FETCH 2:3 (UID)
        S. * 2 FETCH (UID 12)\r\n* 3 FETCH (UID 13)\r\nP1 OK .\r\n
        C: b2 UID FETCH 11 BODY.PEEK[]
        R. * 1 FETCH (UID 11 BODY[] {25}\r\nFrom: me\r\nTo: you\r\n\r\nHi\r\n)\r\n
        R: b2 OK Fetch completed.
        C: b3 UID FETCH 11 BODY.PEEK[HEADER.FIELDS (TO)]
        U: b3 UID FETCH 11 BODY.PEEK[HEADER.FIELDS (TO)]
    """)


def test_news_are_asked_for_when_the_client_was_only_served(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(FETCH_ENVELOPES)
    talk.clock.advance(20)

    talk.script(r"""
        C: e2 FETCH 1:3 (UID ENVELOPE)
        R: * 1 FETCH (UID 11 ENVELOPE (a))
        R: * 2 FETCH (UID 12 ENVELOPE (b))
        R: * 3 FETCH (UID 13 ENVELOPE ("c" NIL))
        R: e2 OK Fetch completed.
    """)
    talk.clock.advance(9)
    talk.nothing_left()
    talk.clock.advance(1)
    talk.script(r"""
        U: P1 FETCH 1:1 (UID)
        S: * 4 EXISTS
        S: * 1 FETCH (UID 11)
        S: P1 OK .
        U: P2 FETCH 4:4 (UID)
        S: * 2 FETCH (FLAGS (\\Seen))
        S. * 4 FETCH (UID 15)\r\nP2 OK .\r\n
    """)
    # Told between two commands they could cross a SELECT, and be taken for news of its mailbox.
    talk.script(r"""
        C: e3 FETCH 1 (UID ENVELOPE)
        R. * 4 EXISTS\r\n* 2 FETCH (FLAGS (\\Seen))\r\n
        R. * 1 FETCH (UID 11 ENVELOPE (a))\r\ne3 OK Fetch completed.\r\n
    """)


def test_news_of_a_mailbox_are_not_told_when_it_is_left(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(FETCH_ENVELOPES)
    talk.script(r"""
        C: e2 FETCH 1:3 (UID ENVELOPE)
        R: * 1 FETCH (UID 11 ENVELOPE (a))
        R: * 2 FETCH (UID 12 ENVELOPE (b))
        R: * 3 FETCH (UID 13 ENVELOPE ("c" NIL))
        R: e2 OK Fetch completed.
    """)
    talk.clock.advance(30)
    talk.script(r"""
        U: P1 FETCH 1:1 (UID)
        S. * 4 EXISTS\r\n* 3 FETCH (FLAGS (\\Seen))\r\n* 1 FETCH (UID 11)\r\nP1 OK .\r\n
        U: P2 FETCH 4:4 (UID)
        S. * 4 FETCH (UID 15)\r\nP2 OK .\r\n
        C: t SELECT Sent
        U: t SELECT Sent
        S. * 1 EXISTS\r\nt OK .\r\n
        R. * 1 EXISTS\r\nt OK .\r\n
    """)


def test_exact_asks_for_a_sign_that_the_messages_are_there(exact):
    talk = exact.talk()
    talk.script(r"""
        C: s SELECT INBOX
        U: s SELECT INBOX
        S. * 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\ns OK [READ-WRITE] .\r\n
        R. * 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\n
        U: P1 FETCH 1:3 (UID)
        S. * 1 FETCH (UID 11)\r\n* 2 FETCH (UID 12)\r\n* 3 FETCH (UID 13)\r\n
        S: P1 OK .
        R: s OK [READ-WRITE] .
    """)
    talk.script(FETCH_ENVELOPES)
    talk.script(r"""
        C: e2 FETCH 1:3 (UID ENVELOPE)
        U: e2 FETCH 1:3 (UID)
        S. * 1 FETCH (UID 11)\r\n* 2 FETCH (UID 12)\r\n* 3 FETCH (UID 13)\r\n
        R: * 1 FETCH (UID 11 ENVELOPE (a))
        R: * 2 FETCH (UID 12 ENVELOPE (b))
        R: * 3 FETCH (UID 13 ENVELOPE ("c" NIL))
        S. * 4 EXISTS\r\ne2 OK .\r\n
        R. * 4 EXISTS\r\ne2 OK .\r\n
        C: n NOOP
        U: n NOOP
        S: n OK .
        U: P2 FETCH 4:4 (UID)
        S. * 4 FETCH (UID 15)\r\nP2 OK .\r\n
        R: n OK .
    """)


SELECT_EXACTLY = r"""
    C: s SELECT INBOX
    U: s SELECT INBOX
    S. * 2 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\ns OK [READ-WRITE] .\r\n
    R. * 2 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\n
    U: P1 FETCH 1:2 (UID)
    S. * 1 FETCH (UID 11)\r\n* 2 FETCH (UID 12)\r\nP1 OK .\r\n
    R: s OK [READ-WRITE] .
    C: f FETCH 1 (UID BODY.PEEK[HEADER])
    U: f FETCH 1 (UID BODY.PEEK[HEADER])
    S. * 1 FETCH (UID 11 BODY[HEADER] {8}\r\nA: b\r\n\r\n)\r\nf OK .\r\n
    R. * 1 FETCH (UID 11 BODY[HEADER] {8}\r\nA: b\r\n\r\n)\r\nf OK .\r\n
"""


def test_what_the_client_asks_for_is_not_taken_for_a_sign(exact):
    """Both are answered as BODY[]<0>, and pipelined commands in any order."""
    talk = exact.talk()
    talk.script(SELECT_EXACTLY)
    talk.script(r"""
        C: p FETCH 1:2 (UID BODY.PEEK[]<0.9>)
        U: p FETCH 1:2 (UID BODY.PEEK[]<0.9>)
        C: h FETCH 1 (UID BODY.PEEK[HEADER])
        U: h FETCH 1 (UID BODY.PEEK[HEADER])
        S. * 1 FETCH (UID 11 BODY[]<0> {9}\r\nA: b\r\n\r\nx)\r\n
        R. * 1 FETCH (UID 11 BODY[]<0> {9}\r\nA: b\r\n\r\nx)\r\n
        S. * 1 FETCH (UID 11 BODY[HEADER] {8}\r\nA: b\r\n\r\n)\r\n
        R. * 1 FETCH (UID 11 BODY[HEADER] {8}\r\nA: b\r\n\r\n)\r\n
    """)


def test_nor_is_what_it_asks_for_behind_our_question(exact):
    talk = exact.talk()
    talk.script(SELECT_EXACTLY)
    talk.script(r"""
        C: h FETCH 1 (UID BODY.PEEK[HEADER])
        U: h FETCH 1 (UID BODY.PEEK[]<0.1>)
        C: p FETCH 1:2 (UID BODY.PEEK[]<0.9>)
        U: p FETCH 1:2 (UID BODY.PEEK[]<0.9>)
        S. * 1 FETCH (UID 11 BODY[]<0> {9}\r\nA: b\r\n\r\nx)\r\n
        R. * 1 FETCH (UID 11 BODY[]<0> {9}\r\nA: b\r\n\r\nx)\r\n
        S. * 1 FETCH (UID 11 BODY[]<0> {1}\r\nA)\r\nh OK .\r\n
        R. * 1 FETCH (UID 11 BODY[HEADER] {8}\r\nA: b\r\n\r\n)\r\nh OK .\r\n
    """)


def test_what_was_asked_for_without_uids_is_kept_once_they_are_known(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(r"""
        C: e1 FETCH 1:2 ENVELOPE
        U: e1 FETCH 1:2 ENVELOPE
        S. * 1 FETCH (ENVELOPE (a))\r\n* 2 FETCH (ENVELOPE (b))\r\ne1 OK .\r\n
        R. * 1 FETCH (ENVELOPE (a))\r\n* 2 FETCH (ENVELOPE (b))\r\ne1 OK .\r\n
        U: P1 FETCH 1:3 (UID)
        S. * 1 FETCH (UID 11)\r\n* 2 FETCH (UID 12)\r\n* 3 FETCH (UID 13)\r\nP1 OK .\r\n
        C: e2 FETCH 1:2 ENVELOPE
        R: * 1 FETCH (ENVELOPE (a))
        R: * 2 FETCH (ENVELOPE (b))
        R: e2 OK Fetch completed.
    """)


def test_an_expunge_takes_what_waits_for_its_uid(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(r"""
        C. e1 FETCH 1:2 ENVELOPE\r\nn NOOP\r\n
        U. e1 FETCH 1:2 ENVELOPE\r\nn NOOP\r\n
        S. * 1 FETCH (ENVELOPE (a))\r\n* 2 FETCH (ENVELOPE (b))\r\ne1 OK .\r\n
        R. * 1 FETCH (ENVELOPE (a))\r\n* 2 FETCH (ENVELOPE (b))\r\ne1 OK .\r\n
        S. * 1 EXPUNGE\r\nn OK .\r\n
        R. * 1 EXPUNGE\r\nn OK .\r\n
        U: P1 FETCH 1:2 (UID)
        S. * 1 FETCH (UID 12)\r\n* 2 FETCH (UID 13)\r\nP1 OK .\r\n
        C: e2 FETCH 1 ENVELOPE
        U: e2 FETCH 1 ENVELOPE
    """)


def test_no_command_of_the_client_is_sent_behind_a_question_of_ours(live):
    # The answers to a UID STORE have to have UIDs (RFC 3501 section 6.4.8), and a server that is
    # asked for more tells the flags with that, as in any FETCH.
    talk = live.talk()
    talk.script(SELECT)
    talk.script(r"""
        C: e1 FETCH 1:2 ENVELOPE
        U: e1 FETCH 1:2 ENVELOPE
        S. * 1 FETCH (ENVELOPE (a))\r\n* 2 FETCH (ENVELOPE (b))\r\ne1 OK .\r\n
        R. * 1 FETCH (ENVELOPE (a))\r\n* 2 FETCH (ENVELOPE (b))\r\ne1 OK .\r\n
        U: P1 FETCH 1:3 (UID)
        C: s UID STORE 11 +FLAGS (\\Seen)
        S. * 1 FETCH (UID 11)\r\n* 2 FETCH (UID 12)\r\n* 3 FETCH (UID 13)\r\nP1 OK .\r\n
        U: s UID STORE 11 +FLAGS (\\Seen)
    """)


def test_a_fetch_behind_a_select_is_not_taken_for_an_answer_to_us(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(FETCH_ENVELOPES)
    talk.client_closes()
    talk = live.talk()
    talk.script(r"""
        C. s SELECT INBOX\r\nf1 FETCH 1:3 (UID FLAGS)\r\n
        U. s SELECT INBOX\r\nf1 FETCH 1:3 (UID FLAGS)\r\n
        S. * 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\ns OK [READ-WRITE] .\r\n
        R. * 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\ns OK [READ-WRITE] .\r\n
        C: f2 FETCH 1:3 (UID FLAGS ENVELOPE)
        U: f2 FETCH 1:3 (UID FLAGS ENVELOPE)
    """)


def test_a_client_that_takes_nothing_does_not_keep_its_session_for_ever(live):
    talk = live.talk()
    talk.script(SELECT)
    talk.script(FETCH_ENVELOPES)
    talk.client_wire.producer.pauseProducing()
    talk.client.dataReceived(b"e2 FETCH 1:3 (UID ENVELOPE)\r\ne3 LOGOUT\r\n")
    talk.upstream.dataReceived(b"* BYE .\r\ne3 OK .\r\n")
    assert not talk.client_wire.closed
    talk.clock.advance(60)
    assert talk.client_wire.closed


@pytest.mark.parametrize("rest", [b"", b"* BYE not one", b"* CAPABILITY STARTTLS", b") x"])
def test_the_rest_of_an_odd_response_is_taken_for_no_other(live, rest):
    """What is held back has begun all the same (found by fuzzing)."""
    talk = live.talk()
    talk.script(SELECT)
    talk.client.dataReceived(b"a1 FETCH 2 (UID BODY[])\r\n")
    talk.upstream.dataReceived(b"a1 OK .\r\n")
    said = b"* 2 FETCH{3}\nabc" + rest + b"\n* 4 EXISTS\n"
    talk.upstream.dataReceived(said)
    assert talk.client_wire.take() == b"a1 OK .\r\n"
    talk.client.dataReceived(b"a2 NOOP\r\n")
    talk.upstream.dataReceived(b"P1 OK .\r\n")
    assert talk.client_wire.take() == said.replace(b"\n", b"\r\n")
    talk.upstream_closes()
    assert b"\r\n* BYE [UNAVAILABLE] " in talk.client_wire.take()
