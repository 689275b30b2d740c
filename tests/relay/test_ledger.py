"""What is written down of a connection, so that another one can be set up the same."""

import pytest

from imapproxy.relay.client_line import read_client_line
from imapproxy.relay.ledger import Ledger, Selection


def ledger(*exchanges):
    """One that was told commands and their tagged responses; ``""`` is none."""
    made = Ledger()
    for number, (command, answer) in enumerate(exchanges):
        line = read_client_line(b"t " + command.encode() + b"\r\n")
        made.begun(number, line, whole=not command.endswith("}"))
        if answer:
            made.answered(number, answer.encode() + b"\r\n")
    return made


INBOX = ("SELECT INBOX", "OK [READ-WRITE] .")


def test_nothing_was_said():
    assert ledger().hindrance == ""
    assert ledger().selection is None


@pytest.mark.parametrize(
    ("command", "answer", "expected"),
    [
        ("SELECT INBOX", "OK [READ-WRITE] .", Selection(b" SELECT INBOX", False)),
        ("examine INBOX", "OK [READ-ONLY] .", Selection(b" examine INBOX", True)),
        ('SELECT "a \\"b"', "OK .", Selection(b' SELECT "a \\"b"', False)),
        ("SELECT a (CONDSTORE)", "OK .", Selection(b" SELECT a (CONDSTORE)", False)),
        ("SELECT a", "NO .", None),
        ("SELECT a", "", None),
    ],
)
def test_selections(command, answer, expected):
    assert ledger((command, answer)).selection == expected
    assert ledger((command, answer)).hindrance == ""


def test_a_mailbox_that_was_left():
    assert ledger(INBOX, ("CLOSE", "OK .")).selection is None
    assert ledger(INBOX, ("UNSELECT", "OK .")).selection is None
    assert ledger(INBOX, ("UNSELECT", "BAD .")).selection is not None


def test_a_mailbox_while_another_is_asked_for():
    made = ledger(INBOX, ("SELECT x", ""))
    assert made.selection is None


def test_who_knows_what_is_selected_when_a_select_has_failed():
    assert ledger(INBOX, ("SELECT x", "NO .")).hindrance
    assert ledger(INBOX, ("SELECT x", "NO ."), INBOX).hindrance == ""


def test_of_two_at_once_the_last_counts():
    made = Ledger()
    for number, name in enumerate([b"a", b"b"]):
        made.begun(number, read_client_line(b"t SELECT " + name + b"\r\n"), whole=True)
    made.answered(0, b"OK .\r\n")
    assert made.selection is None
    made.answered(1, b"OK .\r\n")
    assert made.selection == Selection(b" SELECT b", False)


@pytest.mark.parametrize("command", ["SELECT {3}", "SELECT a (X-NEW)", "SELECT a (QRESYNC (1 2"])
def test_a_select_that_cannot_be_said_again(command):
    assert ledger((command, "OK .")).hindrance
    assert ledger((command, "OK ."), INBOX).hindrance == ""


def test_what_is_set_up():
    made = ledger(("ID NIL", "OK ."), ("ENABLE QRESYNC", "OK ."), ("ENABLE x", "NO ."))
    assert made.setup == [b" ID NIL\r\n", b" ENABLE QRESYNC\r\n"]
    assert made.condstore and made.qresync
    assert made.hindrance == ""


def test_qresync_selects_without_what_was_known_then():
    made = ledger(("ENABLE QRESYNC", "OK ."), ("SELECT a (QRESYNC (1 2 3:4))", "OK ."))
    assert made.selection == Selection(b" SELECT a", False)


@pytest.mark.parametrize(
    "command",
    [
        "XYZZY",
        "NOTIFY NONE",
        "COMPRESS DEFLATE",
        "LANGUAGE de",
        "ID {3}",
        "FETCH 1 (MODSEQ)",
        "FETCH 1 FLAGS (CHANGEDSINCE 3)",
        "STATUS x (HIGHESTMODSEQ)",
        "SEARCH MODSEQ 3",
        "UID SEARCH RETURN (UPDATE) ALL",
        "SEARCH RETURN (SAVE) ALL",
    ],
)
def test_hindrances(command):
    assert ledger(INBOX, (command, "OK .")).hindrance


def test_those_that_a_later_select_takes_away():
    assert ledger(INBOX, ("SEARCH RETURN (SAVE) ALL", "OK ."), INBOX).hindrance == ""
    assert ledger(INBOX, ("NOTIFY NONE", "OK ."), INBOX).hindrance


def test_condstore_that_was_enabled_in_the_open():
    enable = ("ENABLE CONDSTORE", "OK .")
    assert ledger(enable, INBOX, ("FETCH 1 (MODSEQ)", "OK .")).hindrance == ""
    assert ledger(("SELECT a (CONDSTORE)", "OK ."), ("FETCH 1 MODSEQ", "OK .")).hindrance == ""


def test_condstore_that_a_select_has_enabled():
    made = ledger(("SELECT a (CONDSTORE)", "OK ."), ("SELECT b", "OK ."))
    assert made.selection == Selection(b" SELECT b (CONDSTORE)", False)
    assert ledger(("SELECT a (CONDSTORE)", "OK ."), ("CLOSE", "OK .")).hindrance


def test_what_follows_in_literals_counts():
    made = Ledger()
    made.begun(1, read_client_line(b"t SEARCH OR SUBJECT {1}\r\n"), whole=False)
    assert made.reads_on
    made.went_on(b"x MODSEQ 4\r\n")
    assert made.hindrance


def test_mail_is_not_looked_at():
    made = Ledger()
    made.begun(1, read_client_line(b"t APPEND x {6}\r\n"), whole=False)
    assert not made.reads_on
    assert made.hindrance == ""
