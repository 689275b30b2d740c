"""Framing, literals, pipelining, limits, time: what holds for every command."""

import pytest

from fakeserver.extensions import Extensions
from fakeserver.host import Limits
from tests.fakeserver.messages import MESSAGES
from tests.fakeserver.talk import (
    ask,
    greeted,
    home_with,
    home_without,
    logged_in,
    new_home,
)

SIMPLE = MESSAGES["simple"]


def test_octet_by_octet_is_the_same_as_at_once() -> None:
    peer = greeted(new_home())
    for octet in b"a LOGIN {4}\r\ndemo {2+}\r\npw\r\nb NOOP\r\n":
        peer.send(bytes([octet]))
    assert peer.read() == b"+ OK\r\n"
    assert peer.read().startswith(b"a OK [CAPABILITY ")
    assert peer.read() == b"b OK NOOP completed.\r\n"


def test_pipelined_commands_are_answered_in_their_order() -> None:
    peer = logged_in(new_home())
    peer.send(b"".join(b"t%d NOOP\r\n" % number for number in range(500)))
    replies = peer.read_all().splitlines()
    assert [reply.split()[0] for reply in replies] == [b"t%d" % number for number in range(500)]


def test_commands_behind_idle_wait_for_done() -> None:
    peer = logged_in(new_home())
    peer.send(b"a IDLE\r\nDONE\r\nb NOOP\r\n")
    assert peer.read_all() == b"+ idling\r\na OK Idle completed.\r\nb OK NOOP completed.\r\n"


def test_bare_line_feeds_lower_case_and_spaces() -> None:
    peer = logged_in(new_home())
    peer.send(b"a  noop \nb select inbox\n")
    octets = peer.read_all()
    assert octets.startswith(b"a OK ")
    assert b"b OK [READ-WRITE]" in octets


@pytest.mark.parametrize("line", [b"\r\n", b"a\r\n", b"* NOOP\r\n", b"\xff\xff\r\n", b"(\r\n"])
def test_what_is_no_command_is_answered_bad_and_the_next_one_counts(line: bytes) -> None:
    peer = logged_in(new_home())
    peer.send(line + b"z NOOP\r\n")
    assert b" BAD " in peer.read()
    assert peer.read() == b"z OK NOOP completed.\r\n"


# --- literals -----------------------------------------------------------------------------------


def test_append_waits_for_the_continuation_request() -> None:
    peer = logged_in(new_home())
    peer.send(b"a APPEND INBOX {%d}\r\n" % len(SIMPLE))
    assert peer.read_all() == b"+ OK\r\n"
    peer.send(SIMPLE)
    assert peer.read_all() == b""
    peer.send(b"\r\n")
    assert peer.read().startswith(b"a OK [APPENDUID ")


def test_a_literal_that_is_refused_is_never_asked_for() -> None:
    peer = logged_in(new_home())
    peer.send(b"a APPEND nope {100}\r\nb NOOP\r\n")
    assert peer.read().startswith(b"a NO [TRYCREATE] ")
    assert peer.read() == b"b OK NOOP completed.\r\n"


def test_without_literal_plus_the_literal_is_a_mistake() -> None:
    peer = logged_in(home_without("LITERAL+"))
    peer.send(b"a SELECT {5+}\r\nb NOOP\r\n")
    assert peer.read() == b"a BAD Invalid literal.\r\n"
    assert peer.read() == b"b OK NOOP completed.\r\n"


def test_literal_minus_bounds_what_comes_unasked() -> None:
    minus = Extensions.with_changes(without=["LITERAL+"], added=["LITERAL-"])
    peer = logged_in(new_home(extensions=minus))
    assert ask(peer, b"APPEND INBOX {%d+}\r\n%b" % (len(SIMPLE), SIMPLE))[-1].startswith(b"t OK")
    peer.send(b"a APPEND INBOX {4097+}\r\n")
    assert peer.read() == b"a BAD [TOOBIG] Literal is too large.\r\n"
    assert peer.read().startswith(b"* BYE ")
    assert peer.closed


def test_a_literal_that_is_too_large() -> None:
    peer = logged_in(new_home(limits=Limits(literal=1000)))
    peer.send(b"a APPEND INBOX {1001}\r\nb NOOP\r\n")
    assert b"a BAD " in peer.read()
    assert peer.read() == b"b OK NOOP completed.\r\n"
    peer.send(b"c APPEND INBOX {1001+}\r\n")
    assert b"c BAD " in peer.read()
    assert peer.read().startswith(b"* BYE ")


def test_many_literals_cannot_add_up_beyond_the_limit_of_a_command() -> None:
    peer = logged_in(new_home(limits=Limits(command=1000)))
    peer.send(b"a SEARCH SUBJECT {600+}\r\n" + b"x" * 600 + b" SUBJECT {600+}\r\n")
    assert b"a BAD " in peer.read()
    assert peer.read().startswith(b"* BYE ")


def test_before_a_login_literals_and_lines_are_small() -> None:
    peer = greeted(new_home())
    peer.send(b"a LOGIN {100000}\r\n")
    assert b"a BAD " in peer.read()
    peer.send(b"b NOOP " + b"x" * 20_000 + b"\r\n")
    assert b"b BAD " in peer.read()
    peer.send(b"c NOOP\r\n")
    assert peer.read() == b"c OK NOOP completed.\r\n"


def test_before_a_login_only_login_may_have_literals() -> None:
    peer = greeted(new_home())
    peer.send(b"a APPEND INBOX {10}\r\nb NOOP\r\n")
    assert peer.read() == b"a BAD Please login first.\r\n"
    assert peer.read() == b"b OK NOOP completed.\r\n"


# --- limits and time ----------------------------------------------------------------------------


def test_too_many_mistakes_end_the_connection() -> None:
    peer = logged_in(new_home(limits=Limits(bad_commands=3)))
    for _ in range(3):
        peer.send(b"a XYZZY\r\n")
    assert peer.read_all().endswith(b"* BYE Too many invalid IMAP commands.\r\n")
    assert peer.closed


def test_what_is_refused_is_no_mistake() -> None:
    peer = logged_in(new_home(limits=Limits(bad_commands=3)))
    for _ in range(5):
        peer.send(b"a APPEND missing {5}\r\n")
    assert peer.read_all().count(b"a NO [TRYCREATE] ") == 5
    assert not peer.closed


def test_autologout() -> None:
    home = new_home(limits=Limits(login_timeout=60, autologout=1800))
    slow, busy = greeted(home), logged_in(home)
    home.clock.advance(61)
    assert slow.read() == b"* BYE Disconnected for inactivity.\r\n"
    assert slow.closed
    home.clock.advance(1700)
    busy.send(b"a NOOP\r\n")
    home.clock.advance(1700)
    assert not busy.closed
    home.clock.advance(101)
    assert busy.read_all().endswith(b"* BYE Disconnected for inactivity.\r\n")


def test_a_client_that_goes_leaves_nothing_behind() -> None:
    home = new_home()
    peer = logged_in(home)
    ask(peer, b"SELECT INBOX")
    mailbox = home.server.mailbox()
    assert len(mailbox.watchers) == 1
    peer.send(b"b IDLE\r\n")
    peer.close()
    assert not mailbox.watchers
    assert not home.clock.getDelayedCalls()
    assert home.server.transcript.connections[0].closed


def test_a_client_that_does_not_read_is_not_written_to() -> None:
    home = new_home()
    for _ in range(300):
        home.server.deliver(b"Subject: x\r\n\r\n" + b"x" * 20_000)
    peer = logged_in(home)
    ask(peer, b"SELECT INBOX")
    peer.protocol.pauseProducing()
    peer.protocol.dataReceived(b"a FETCH 1:* BODY.PEEK[]\r\n")
    peer.protocol.dataReceived(b"b NOOP\r\n" * 20_000)
    home.clock.advance(0)
    assert peer.transport.value() == b""
    # What waits is bounded: nothing more is read from the client.
    assert peer.transport.producerState == "paused"
    peer.protocol.resumeProducing()
    octets = peer.read_all()
    assert len(octets) > 300 * 20_000
    assert octets.count(b"b OK NOOP completed.\r\n") == 20_000
    assert peer.transport.producerState == "producing"


def test_others_have_their_turn_while_a_long_answer_is_made() -> None:
    home = new_home()
    for _ in range(1000):
        home.server.deliver(SIMPLE)
    long, short = logged_in(home), logged_in(home)
    ask(long, b"SELECT INBOX")
    long.protocol.dataReceived(b"a FETCH 1:* ENVELOPE\r\n")
    short.protocol.dataReceived(b"b NOOP\r\n")
    assert short.transport.value() == b"b OK NOOP completed.\r\n"
    assert b"a OK" not in long.transport.value()
    assert long.read_all().endswith(b"a OK Fetch completed.\r\n")


# --- what is switched on ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extension", "command"),
    [
        ("ID", b"ID NIL"),
        ("ENABLE", b"ENABLE CONDSTORE"),
        ("IDLE", b"IDLE"),
        ("NAMESPACE", b"NAMESPACE"),
        ("UNSELECT", b"UNSELECT"),
        ("UIDPLUS", b"UID EXPUNGE 1"),
        ("MOVE", b"MOVE 1 INBOX"),
        ("MOVE", b"UID MOVE 1 INBOX"),
        ("LIST-EXTENDED", b'LIST (SUBSCRIBED) "" *'),
        ("LIST-EXTENDED", b'LIST "" (a b)'),
        ("SPECIAL-USE", b'LIST (SPECIAL-USE) "" *'),
        ("LIST-STATUS", b'LIST "" * RETURN (STATUS (MESSAGES))'),
        ("STATUS=SIZE", b"STATUS INBOX (SIZE)"),
        ("ESEARCH", b"SEARCH RETURN (COUNT) ALL"),
        ("CONDSTORE", b"SELECT INBOX (CONDSTORE)"),
        ("CONDSTORE", b"FETCH 1 (MODSEQ)"),
        ("CONDSTORE", b"FETCH 1 (FLAGS) (CHANGEDSINCE 1)"),
        ("CONDSTORE", b"STORE 1 (UNCHANGEDSINCE 1) FLAGS ()"),
        ("CONDSTORE", b"SEARCH MODSEQ 1"),
        ("CONDSTORE", b"STATUS INBOX (HIGHESTMODSEQ)"),
        ("QRESYNC", b"SELECT INBOX (QRESYNC (1 1))"),
    ],
)
def test_what_is_switched_off_is_a_mistake(extension: str, command: bytes) -> None:
    home = home_without(extension)
    home.server.deliver(SIMPLE)
    peer = logged_in(home)
    told = ask(peer, b"CAPABILITY")[0].split()
    assert extension.encode() not in told
    ask(peer, b"SELECT INBOX")
    assert ask(peer, command)[-1].startswith(b"t BAD ")
    switched_on = logged_in(_home_with_mail())
    ask(switched_on, b"ENABLE QRESYNC")
    ask(switched_on, b"SELECT INBOX")
    if command != b"IDLE":
        assert not ask(switched_on, command)[-1].startswith(b"t BAD ")


def _home_with_mail():  # type: ignore[no-untyped-def]
    home = new_home()
    home.server.deliver(SIMPLE)
    return home


def test_what_is_switched_off_is_left_out_of_answers() -> None:
    home = home_without("UIDPLUS", "CHILDREN", "CONDSTORE")
    peer = logged_in(home)
    assert ask(peer, b"APPEND INBOX {%d+}\r\n%b" % (len(SIMPLE), SIMPLE))[-1] == (
        b"t OK Append completed.\r\n"
    )
    assert ask(peer, b'LIST "" *')[0] == b'* LIST () "." INBOX\r\n'
    assert not any(b"HIGHESTMODSEQ" in line for line in ask(peer, b"SELECT INBOX"))


def test_login_disabled() -> None:
    peer = greeted(home_with("LOGINDISABLED"))
    told = ask(peer, b"CAPABILITY")[0]
    assert b"LOGINDISABLED" in told
    assert b"AUTH=PLAIN" not in told
    assert ask(peer, b"LOGIN demo pw")[-1].startswith(b"t NO [PRIVACYREQUIRED] ")
    assert ask(peer, b"AUTHENTICATE PLAIN")[-1].startswith(b"t NO ")


def test_an_extension_that_is_not_known() -> None:
    with pytest.raises(ValueError, match="unknown extension 'FOO'; known are IMAP4rev1"):
        Extensions.with_changes(without=["FOO"])
