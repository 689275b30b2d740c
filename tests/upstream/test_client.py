"""The typed client: what it sends, and what it makes of the answers."""

from datetime import UTC, datetime

import pytest
from twisted.internet.defer import CancelledError

from imapproxy.upstream.errors import (
    CommandRefused,
    UpstreamProtocolError,
    UpstreamUnavailable,
)
from imapproxy.wire import responses
from tests.upstream.talk import Talk, failure, result


class TestCommands:
    def test_capability(self):
        talk = Talk(None)
        told = talk.client.capability()
        talk.script(r"""
            C: P1 CAPABILITY
            S: * CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN
            S: P1 OK
        """)
        assert list(result(told)) == ["IMAP4rev1", "IDLE", "AUTH=PLAIN"]
        assert talk.client.capabilities is not None

    def test_capabilities_are_learned_wherever_they_are_told(self):
        talk = Talk(None)
        talk.say(b"* OK [CAPABILITY IMAP4rev1 X] hi\r\n")
        assert "X" in talk.client.capabilities
        talk.client.noop()
        talk.script(r"""
            C: P1 NOOP
            S: P1 OK [CAPABILITY IMAP4rev1 Y] done
        """)
        assert list(talk.client.capabilities) == ["IMAP4rev1", "Y"]

    def test_list(self):
        talk = Talk()
        listed = talk.client.list("", "*")
        talk.script(r"""
            C: P1 LIST "" *
            S: * LIST (\\HasNoChildren) "." INBOX
            S: * LIST (\\Noselect) NIL {5}
            S: a b"c
            S: P1 OK
        """)
        first, second = result(listed)
        assert (first.mailbox, first.delimiter) == (b"INBOX", b".")
        assert (second.mailbox, second.delimiter) == (b'a b"c', None)

    def test_status(self):
        talk = Talk()
        status = talk.client.status("Entwürfe", "MESSAGES", "UNSEEN")
        talk.script(r"""
            C: P1 STATUS Entw&APw-rfe (MESSAGES UNSEEN)
            S: * STATUS Entw&APw-rfe (MESSAGES 3 UNSEEN 1)
            S: P1 OK
        """)
        assert result(status).number("UNSEEN") == 1

    def test_status_without_data_is_an_error_of_the_server(self):
        talk = Talk()
        status = talk.client.status("INBOX", "MESSAGES")
        talk.script("C: P1 STATUS INBOX (MESSAGES)\nS: P1 OK")
        failure(status, UpstreamProtocolError)

    @pytest.mark.parametrize(("read_only", "name"), [(False, "SELECT"), (True, "EXAMINE")])
    def test_select(self, read_only, name):
        talk = Talk()
        selected = talk.client.select("INBOX", read_only=read_only)
        talk.script(rf"""
            C: P1 {name} INBOX
            S: * FLAGS (\\Seen \\Deleted)
            S: * OK [PERMANENTFLAGS (\\Seen \\*)] Limited
            S: * 17 EXISTS
            S: * 2 RECENT
            S: * OK [UNSEEN 12] first
            S: * OK [UIDVALIDITY 3857529045] UIDs
            S: * OK [UIDNEXT 4392] next
            S: * OK [HIGHESTMODSEQ 715194045007] modseq
            S: P1 OK [{"READ-ONLY" if read_only else "READ-WRITE"}] done
        """)
        got = result(selected)
        assert (got.exists, got.recent, got.unseen) == (17, 2, 12)
        assert (got.uid_validity, got.uid_next) == (3857529045, 4392)
        assert got.highest_mod_seq == 715194045007
        assert got.read_only is read_only
        assert got.permanent_flags == (b"\\Seen", b"\\*")

    @pytest.mark.parametrize("chunk", [0, 1, 2, 3, 7, 11])
    def test_fetch_takes_literals_in_any_pieces(self, chunk):
        talk = Talk(chunk=chunk)
        fetched = talk.client.fetch("1:2", "(UID BODY.PEEK[])")
        talk.script(r"""
            C: P1 FETCH 1:2 (UID BODY.PEEK[])
            S: * 1 FETCH (UID 7 BODY[] {11}
            S: P1 OK {3}\r\n)
            S: * 2 FETCH (BODY[] {0}
            S:  UID 8 BODY[1] "x\\"y")
            S: P1 OK
        """)
        first, second = result(fetched)
        assert (first.uid, first.string("BODY[]")) == (7, b"P1 OK {3}\r\n")
        assert (second.uid, second.string("BODY[]")) == (8, b"")
        assert second.string("BODY[1]") == b'x"y'

    def test_search(self):
        talk = Talk()
        found = talk.client.search('SUBJECT "x"', by_uid=True)
        talk.script('C: P1 UID SEARCH SUBJECT "x"\nS: * SEARCH 2 84 882\nS: P1 OK')
        assert result(found) == (2, 84, 882)

    def test_store(self):
        talk = Talk()
        stored = talk.client.store("2:4", "+FLAGS", [r"\Deleted"])
        talk.script(r"""
            C: P1 STORE 2:4 +FLAGS (\\Deleted)
            S: * 2 FETCH (FLAGS (\\Deleted \\Seen))
            S: P1 OK
        """)
        assert result(stored)[0].flags == (b"\\Deleted", b"\\Seen")

    def test_append_of_octets(self):
        talk = Talk("IMAP4rev1 LITERAL+ UIDPLUS")
        date = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
        appended = talk.client.append("a b", b"x: y\r\n\r\n", [r"\Seen"], date)
        talk.script(r"""
            C: P1 APPEND "a b" (\\Seen) "03-Feb-2024 04:05:06 +0000" {8+}
            C. x: y\r\n\r\n
            C:
            S: P1 OK [APPENDUID 38505 3955] done
        """)
        uid = result(appended)
        assert (uid.uid_validity, uid.uids.encode()) == (38505, b"3955")

    @pytest.mark.parametrize("tagged", [True, False])
    def test_copy_and_move_tell_the_new_uids(self, tagged):
        talk = Talk()
        code = "[COPYUID 38505 304,319:320 3956:3958]"
        moved = talk.client.move("2:4", "meeting", by_uid=True)
        talk.script(f"""
            C: P1 UID MOVE 2:4 meeting
            S: * OK {"" if tagged else code} moved
            S: P1 OK {code if tagged else ""} Done
        """)
        assert result(moved).destination.encode() == b"3956:3958"
        copied = talk.client.copy("2", "meeting")
        talk.script("C: P2 COPY 2 meeting\nS: P2 OK Done")
        assert result(copied) is None

    def test_expunge(self):
        talk = Talk()
        gone = talk.client.expunge("3:5")
        talk.script("C: P1 UID EXPUNGE 3:5\nS: * 3 EXPUNGE\nS: * VANISHED 7\nS: P1 OK")
        first, second = result(gone)
        assert first == responses.Expunged(3)
        assert isinstance(second, responses.Vanished)

    def test_id(self):
        talk = Talk()
        told = talk.client.id([(b"name", b"x"), (b"version", None)])
        talk.script('C: P1 ID ("name" "x" "version" NIL)\nS: * ID ("name" "Y")\nS: P1 OK')
        assert result(told).parameters == ((b"name", b"Y"),)

    @pytest.mark.parametrize(
        "send",
        [
            lambda client: client.search("ALL\r\nP9 DELETE INBOX"),
            lambda client: client.fetch("1", "(FLAGS)\nx"),
            lambda client: client.store("1", "FLAGS", ["a\r\nb"]),
            lambda client: client.append("INBOX", b"x", ["a\r\nb"]),
            lambda client: client.run_text("NOOP\0"),
        ],
    )
    def test_no_argument_can_begin_a_command_of_its_own(self, send):
        talk = Talk()
        with pytest.raises(ValueError, match="one line"):
            send(talk.client)
        talk.expect_nothing()


class TestErrors:
    @pytest.mark.parametrize("status", ["NO", "BAD", "no"])
    def test_a_refusal_tells_status_and_text(self, status):
        talk = Talk()
        done = talk.client.noop()
        talk.script(f"C: P1 NOOP\nS: P1 {status} [ALERT] not now \\x1b[2J\\rx")
        error = failure(done, CommandRefused)
        assert error.status == status.upper().encode()
        assert error.text == b"[ALERT] not now \x1b[2J\rx"
        assert str(error) == rf"{status.upper()} [ALERT] not now \x1b[2J\rx"

    def test_an_answer_that_is_none_of_the_three(self):
        talk = Talk()
        done = talk.client.noop()
        talk.script("C: P1 NOOP\nS: P1 MAYBE")
        failure(done, UpstreamProtocolError)

    def test_a_lost_connection_ends_what_was_sent_and_what_waited(self):
        talk = Talk()
        done = [talk.client.append("INBOX", b"hello"), talk.client.noop(), talk.client.noop()]
        talk.expect(b"P1 APPEND INBOX {5}\r\n")
        talk.lose()
        for each in done:
            failure(each, UpstreamUnavailable)
        failure(talk.client.noop(), UpstreamUnavailable)

    def test_data_of_a_refused_command_are_not_those_of_the_next(self):
        talk = Talk()
        refused, fetched = talk.client.fetch("1", "(UID)"), None
        talk.script("C: P1 FETCH 1 (UID)\nS: * 1 FETCH (UID 4)\nS: P1 NO expunged")
        failure(refused, CommandRefused)
        fetched = talk.client.fetch("2", "(UID)")
        talk.script("C: P2 FETCH 2 (UID)\nS: * 2 FETCH (UID 5)\nS: P2 OK")
        assert [message.uid for message in result(fetched)] == [5]

    def test_a_giant_literal_is_refused_at_its_announcement(self):
        talk = Talk()
        fetched = talk.client.fetch("1", "(BODY[])")
        talk.expect(b"P1 FETCH 1 (BODY[])\r\n")
        talk.say(b"* 1 FETCH (BODY[] {4000000000000}\r\n")
        assert "more than" in str(failure(fetched, UpstreamProtocolError))
        assert talk.wire.aborted

    @pytest.mark.parametrize(
        "line",
        [
            b"* 1 FETCH (BODY[] {99999999999999999999999}\r\n",
            b"* LIST " + b"(" * 200_000 + b"\r\n",
            b"* SEARCH " + b"9" * 5000 + b"\r\n",
            b"* 1 FETCH (ENVELOPE (\xff\x00\r\n",
            b"* \r\n",
            b"*\r\n",
            b"\r\n",
            b"P1\r\n",
            b"P9 OK not asked\r\n",
            b"+ go on\r\n",
        ],
    )
    def test_responses_that_cannot_be_read_harm_nobody(self, line):
        talk = Talk()
        done = talk.client.noop()
        talk.expect(b"P1 NOOP\r\n")
        talk.say(line)
        talk.say(b"P1 OK\r\n")
        if talk.connection.error is None:
            result(done)
        else:
            failure(done, UpstreamProtocolError)

    def test_endless_garbage_ends_the_connection(self):
        talk = Talk()
        done = talk.client.noop()
        talk.say(b"garbage\r\n" * 20)
        failure(done, UpstreamProtocolError)
        assert talk.wire.aborted

    def test_a_line_without_an_end_ends_the_connection(self):
        talk = Talk()
        done = talk.client.noop()
        for _ in range(40):
            if talk.connection.error is None:
                talk.connection.dataReceived(b"x" * 1024 * 1024)
        failure(done, UpstreamProtocolError)


class TestPipelining:
    def test_commands_do_not_wait_for_each_other(self):
        talk = Talk()
        first, second, third = (talk.client.search(text) for text in ("ALL", "UNSEEN", "NEW"))
        talk.script(r"""
            C: P1 SEARCH ALL
            C: P2 SEARCH UNSEEN
            C: P3 SEARCH NEW
            S: * SEARCH 1 2 3
            S: P1 OK
            S: * SEARCH 2
            S: P2 OK
            S: * SEARCH
            S: P3 OK
        """)
        assert (result(first), result(second), result(third)) == ((1, 2, 3), (2,), ())

    def test_a_server_may_run_commands_of_different_kinds_side_by_side(self):
        talk = Talk()
        searched, fetched = talk.client.search("ALL"), talk.client.fetch("1:2", "(UID)")
        talk.script(r"""
            C: P1 SEARCH ALL
            C: P2 FETCH 1:2 (UID)
            S: * 1 FETCH (UID 4)
            S: * SEARCH 1
            S: P1 OK
            S: * 2 FETCH (UID 5)
            S: P2 OK
        """)
        assert result(searched) == (1,)
        assert [message.uid for message in result(fetched)] == [4, 5]

    def test_responses_are_kept_no_longer_than_somebody_may_claim_them(self):
        talk = Talk()
        previous = talk.client.noop()
        for number in range(1, 200):
            following = talk.client.noop()
            talk.say(b"* 1 EXISTS\r\nP%d OK\r\n" % number)
            assert len(result(previous).data) == 1
            previous = following
        assert len(talk.client._gathered._responses) < 3

    def test_news_while_idling_are_not_kept(self):
        talk = Talk()
        idle = talk.client.idle()
        talk.say(b"+ idling\r\n" + b"* 1 EXISTS\r\n" * 50)
        assert len(talk.client._gathered._responses) == 0
        idle.end()

    def test_thousands_may_wait_behind_a_literal(self):
        talk = Talk()
        talk.client.append("INBOX", b"hello")
        waiting = [talk.client.noop() for _ in range(3000)]
        talk.say(b"+ go on\r\n")
        talk.say(b"".join(b"P%d OK\r\n" % number for number in range(1, 3002)))
        assert all(result(each) for each in waiting)

    def test_a_refused_literal_gives_the_turn_to_the_next(self):
        talk = Talk()
        refused, following = talk.client.append("INBOX", b"hello"), talk.client.noop()
        talk.script(r"""
            C: P1 APPEND INBOX {5}
            S: P1 NO [TRYCREATE] no
            C: P2 NOOP
            S: P2 OK
        """)
        failure(refused, CommandRefused)
        result(following)

    def test_who_cancels_waits_no_more_and_disturbs_nobody(self):
        talk = Talk()
        cancelled = talk.client.fetch("1", "(UID)")
        following = talk.client.fetch("2", "(UID)")
        cancelled.cancel()
        failure(cancelled, CancelledError)
        talk.script(r"""
            C: P1 FETCH 1 (UID)
            C: P2 FETCH 2 (UID)
            S: * 1 FETCH (UID 4)
            S: P1 OK
            S: * 2 FETCH (UID 5)
            S: P2 OK
        """)
        assert [message.uid for message in result(following)] == [5]
        talk.lose()

    def test_a_cancelled_command_that_fails_is_told_to_nobody(self):
        talk = Talk()
        for each in (talk.client.noop(), talk.client.noop()):
            each.cancel()
            failure(each, CancelledError)
        talk.say(b"P1 NO\r\n")
        talk.lose()
