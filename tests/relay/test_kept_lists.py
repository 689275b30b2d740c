"""What passes of LIST and its kin, and of SELECT, is kept for when the upstream is away."""

import pytest

from imapproxy.cache.listing_request import listing_request, plain_request
from imapproxy.cache.notes import LISTINGS, Listing, Listings, MailboxNote, mailbox_key
from tests.relay.cached import ACCOUNT, SELECT, Cached

ALL = plain_request(b"LIST", b"", b"*")


def listings(cached: Cached) -> Listings:
    return Listings.decode(cached.store.reader.note(ACCOUNT, LISTINGS)) or Listings()


def kept(cached: Cached, request: bytes = ALL) -> bytes | None:
    told = listings(cached).answer_to(request)
    return None if told is None else told.responses


def note(cached: Cached, name: bytes = b"INBOX") -> MailboxNote | None:
    return MailboxNote.decode(cached.store.reader.note(ACCOUNT, mailbox_key(name)))


class TestLists:
    def test_an_answer_is_kept_as_it_came(self):
        cached = Cached()
        cached.talk().script(r"""
            C: a1 LIST "" *
            U: a1 LIST "" *
            S. * LIST () "/" a\r\n* LIST () "/" {3}\r\n* L\r\n* 3 EXISTS\r\na1 OK .\r\n
            R. * LIST () "/" a\r\n* LIST () "/" {3}\r\n* L\r\n* 3 EXISTS\r\na1 OK .\r\n
        """)
        assert kept(cached) == b'* LIST () "/" a\r\n* LIST () "/" {3}\r\n* L\r\n'

    def test_in_pieces(self):
        cached = Cached()
        talk = cached.talk()
        talk.client.dataReceived(b'a1 LIST "" "*"\r\n')
        for octet in b'* LIST () "/" {3}\r\n* L\r\na1 OK .\r\n':
            talk.upstream.dataReceived(bytes([octet]))
        assert kept(cached) == b'* LIST () "/" {3}\r\n* L\r\n'

    def test_two_at_one_time(self):
        """LIST and LSUB can be told from each other; two LISTs cannot."""
        cached = Cached()
        talk = cached.talk()
        talk.client.dataReceived(b'a1 LIST "" *\r\na2 LSUB "" *\r\n')
        talk.upstream.dataReceived(b'* LSUB () "/" b\r\n* LIST () "/" a\r\na2 OK .\r\na1 OK .\r\n')
        assert kept(cached) == b'* LIST () "/" a\r\n'
        assert kept(cached, plain_request(b"LSUB", b"", b"*")) == b'* LSUB () "/" b\r\n'
        talk.client.dataReceived(b'a1 LIST "" *\r\na2 LIST "" %\r\n')
        talk.upstream.dataReceived(b'* LIST () "/" x\r\na1 OK .\r\n* LIST () "/" y\r\na2 OK .\r\n')
        assert kept(cached) == b'* LIST () "/" a\r\n'
        assert kept(cached, plain_request(b"LIST", b"", b"%")) is None

    @pytest.mark.parametrize("answer", [b"a1 NO .", b"a1 BAD ."])
    def test_what_was_refused(self, answer):
        cached = Cached()
        talk = cached.talk()
        talk.client.dataReceived(b'a1 LIST "" *\r\n')
        talk.upstream.dataReceived(b'* LIST () "/" a\r\n' + answer + b"\r\n")
        assert kept(cached) is None

    def test_the_connection_is_lost_in_the_middle(self):
        cached = Cached()
        talk = cached.talk()
        talk.client.dataReceived(b'a1 LIST "" *\r\n')
        talk.upstream.dataReceived(b'* LIST () "/" a\r\n')
        talk.upstream_closes()
        assert kept(cached) is None

    def test_an_extension_that_spells_names_in_another_way(self):
        cached = Cached()
        talk = cached.talk()
        talk.client.dataReceived(b'a0 ENABLE UTF8=ACCEPT\r\na1 LIST "" *\r\n')
        talk.upstream.dataReceived(b'a0 OK .\r\n* LIST () "/" "\xc3\xa4"\r\na1 OK .\r\n')
        assert kept(cached) is None

    def test_an_answer_of_any_length(self):
        cached = Cached()
        talk = cached.talk()
        talk.client.dataReceived(b'a1 LIST "" *\r\n')
        for number in range(20_000):
            talk.upstream.dataReceived(b'* LIST () "/" mailbox%d\r\n' % number)
        talk.upstream.dataReceived(b"a1 OK .\r\n")
        assert kept(cached) is None
        assert talk.client_wire.take().count(b"* LIST") == 20_000

    def test_the_newest_counts_and_there_are_not_many(self):
        cached = Cached()
        talk = cached.talk()
        for number in range(40):
            talk.client.dataReceived(b'a1 LIST "" p%d\r\n' % number)
            talk.upstream.dataReceived(b'* LIST () "/" a\r\na1 OK .\r\n')
        assert len(listings(cached).listings) == 16
        assert kept(cached, plain_request(b"LIST", b"", b"p39")) is not None
        for name in (b"a", b"b"):
            talk.client.dataReceived(b'a1 LIST "" *\r\n')
            talk.upstream.dataReceived(b'* LIST () "/" %b\r\na1 OK .\r\n' % name)
            assert kept(cached) == b'* LIST () "/" %b\r\n' % name

    def test_two_sessions_do_not_undo_each_others(self):
        cached = Cached()
        for pattern in (b"*", b"%"):
            talk = cached.talk()
            talk.client.dataReceived(b'a1 LIST "" %b\r\n' % pattern)
            talk.upstream.dataReceived(b'* LIST () "/" a\r\na1 OK .\r\n')
        assert len(listings(cached).listings) == 2


class TestRequests:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (b' LIST "" *\r\n', b' list {0+}\r\n "*"\r\n'),
            (b' LIST "" INBOX\r\n', b' LIST "" "INBOX" \r\n'),
            (b' LSUB "" %\r\n', b' LSUB "" "%"\r\n'),
            (b" NAMESPACE\r\n", b" NAMESPACE \r\n"),
        ],
    )
    def test_spellings_of_one(self, one, other):
        name = one.split()[0]
        assert listing_request(name, one) == listing_request(name, other) is not None

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (b' LIST "" a\r\n', b' LIST "" b\r\n'),
            (b' LIST "a" b\r\n', b' LIST "" ab\r\n'),
            (b' LIST (SUBSCRIBED) "" *\r\n', b' LIST "" *\r\n'),
            (b' LIST "" * RETURN (CHILDREN)\r\n', b' LIST "" *\r\n'),
        ],
    )
    def test_what_is_not_the_same(self, one, other):
        assert listing_request(b"LIST", one) != listing_request(b"LIST", other)

    @pytest.mark.parametrize(
        "rest",
        [
            b' LIST "" * RETURN (STATUS (MESSAGES))\r\n',
            b" LIST\r\n",
            b' LIST "" ' + b"a" * 2000 + b"\r\n",
        ],
    )
    def test_what_is_not_kept(self, rest):
        assert listing_request(b"LIST", rest) is None
        assert listing_request(b"STATUS", rest) is None


class TestMailboxes:
    def test_what_select_tells(self):
        cached = Cached()
        talk = cached.talk()
        talk.client.dataReceived(b"s SELECT inbox\r\n")
        talk.upstream.dataReceived(
            b"* FLAGS (\\Seen a)\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n"
            b"* OK [UIDNEXT 20] .\r\n* OK [MAILBOXID (F1)] .\r\ns OK .\r\n"
        )
        told = note(cached)
        assert told is not None
        assert (told.uid_validity, told.mailbox_id, told.exists) == (7, b"F1", 3)
        assert told.flags == b"(\\Seen a)"

    def test_a_select_that_fails(self):
        cached = Cached()
        talk = cached.talk()
        talk.client.dataReceived(b"s SELECT INBOX\r\n")
        talk.upstream.dataReceived(b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\ns NO .\r\n")
        assert note(cached) is None

    def test_keywords_that_come_later(self):
        cached = Cached()
        talk = cached.talk()
        talk.script(SELECT)
        talk.client.dataReceived(b"f FETCH 1:3 UID\r\n")
        talk.upstream.dataReceived(
            b"* FLAGS (new)\r\n* 1 FETCH (UID 11)\r\n* 2 FETCH (UID 12)\r\n* 3 FETCH (UID 13)\r\n"
            b"f OK .\r\n"
        )
        told = note(cached)
        assert told is not None
        assert told.flags == b"(new)"

    @pytest.mark.parametrize("command", [b"DELETE INBOX", b"RENAME INBOX b", b"RENAME b INBOX"])
    def test_a_name_that_means_another_mailbox_now(self, command):
        cached = Cached()
        talk = cached.talk()
        talk.script(SELECT)
        assert note(cached) is not None
        talk.client.dataReceived(b"d " + command + b"\r\n")
        talk.upstream.dataReceived(b"d OK .\r\n")
        assert note(cached) is None


class TestNotes:
    @pytest.mark.parametrize("octets", [b"", b"\xff", b"\x90", b"\x95\x01\x02\x03\x04\x05", None])
    def test_what_cannot_be_read_is_not_there(self, octets):
        assert MailboxNote.decode(octets) is None

    def test_of_each_request_the_newest_stays_and_of_all_not_too_many_octets(self):
        large = Listing(b"a", b"x" * 300_000, 3.0)
        others = [Listing(b"b", b"y" * 300_000, 2.0), Listing(b"a", b"z", 1.0)]
        assert Listings().with_added([*others, large]).listings == (large,)
