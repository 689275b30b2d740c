"""Which commands are said a second time, and which never."""

import pytest

from imapproxy.relay.client_line import read_client_line
from imapproxy.relay.repeating import (
    Fate,
    fate_of,
    names_messages_by_number,
    selection_stays_clear,
)


def line(command):
    return read_client_line(b"t " + command.encode() + b"\r\n")


@pytest.mark.parametrize(
    ("command", "fate"),
    [
        ("NOOP", Fate.REPEATED),
        ("check", Fate.REPEATED),
        ("IDLE", Fate.REPEATED),
        ("STORE 1 FLAGS (a)", Fate.REPEATED),
        ("store 1:3,5 flags.silent ()", Fate.REPEATED),
        ("UID STORE 1:* FLAGS a b", Fate.REPEATED),
        ("STORE 1 +FLAGS (a)", Fate.REPEATED),
        ("STORE 1 -FLAGS.SILENT (a)", Fate.REPEATED),
        ("UID STORE 1 +FLAGS (FLAGS a)", Fate.REPEATED),
        ("STORE 1 (UNCHANGEDSINCE 3) FLAGS (a)", Fate.UNKNOWN),
        ("STORE 1 X-GM-LABELS (a)", Fate.UNKNOWN),
        ("STORE 1 +X-GM-LABELS (a)", Fate.UNKNOWN),
        ("STORE 1 (UNCHANGEDSINCE 3) +FLAGS (a)", Fate.UNKNOWN),
        ("STORE $ FLAGS (a)", Fate.UNKNOWN),
        ("FETCH 1 BODY.PEEK[]", Fate.REPEATED_IF_UNTOLD),
        ("UID FETCH 1 FLAGS", Fate.REPEATED_IF_UNTOLD),
        ("SEARCH ALL", Fate.REPEATED_IF_UNTOLD),
        ("UID SORT (DATE) UTF-8 ALL", Fate.REPEATED_IF_UNTOLD),
        ('LIST "" *', Fate.REPEATED_IF_UNTOLD),
        ("SELECT INBOX", Fate.REPEATED_IF_UNTOLD),
        ("APPEND x {3+}", Fate.UNKNOWN),
        ("COPY 1 x", Fate.UNKNOWN),
        ("UID COPY 1 x", Fate.UNKNOWN),
        ("MOVE 1 x", Fate.UNKNOWN),
        ("EXPUNGE", Fate.UNKNOWN),
        ("UID EXPUNGE 1", Fate.UNKNOWN),
        ("CLOSE", Fate.UNKNOWN),
        ("CREATE x", Fate.UNKNOWN),
        ("DELETE x", Fate.UNKNOWN),
        ("RENAME x y", Fate.UNKNOWN),
        ("SETQUOTA x (STORAGE 1)", Fate.UNKNOWN),
        ("XYZZY", Fate.UNKNOWN),
        ("UID XYZZY", Fate.UNKNOWN),
        ("", Fate.UNKNOWN),
    ],
)
def test_fates(command, fate):
    assert fate_of(line(command)) is fate


@pytest.mark.parametrize(
    ("command", "by_number"),
    [
        ("FETCH 1 FLAGS", True),
        ("STORE 1 FLAGS (a)", True),
        ("SEARCH ALL", True),
        ("SORT (DATE) UTF-8 ALL", True),
        ("THREAD REFERENCES UTF-8 ALL", True),
        ("COPY 1 x", True),
        ("MOVE 1 x", True),
        ("UID FETCH 1 FLAGS", False),
        ("UID STORE 1 FLAGS (a)", False),
        ("UID COPY 1 x", False),
        ("UID EXPUNGE 1", False),
        ("UID SEARCH ALL", False),
        ("UID SEARCH UID 1:5", False),
        ("UID SEARCH NOT (UID 5)", False),
        ("UID SEARCH SINCE 1-Jan-2024", False),
        ("UID SEARCH 1:5 UNSEEN", True),
        ("UID SEARCH UNSEEN 5", True),
        ("UID SEARCH (5)", True),
        ("UID SEARCH NOT *", True),
        ("UID SEARCH OR UNSEEN (NOT 5)", True),
        ("UID SEARCH SUBJECT UID 5", True),
        ("UID SEARCH SUBJECT 5", False),
        ("UID SEARCH LARGER 1000", False),
        ("UID SEARCH X-UNKNOWN 5", True),
        ("UID SORT (DATE) UTF-8 3", True),
        ("NOOP", False),
        ("EXPUNGE", False),
        ("APPEND x {3+}", False),
    ],
)
def test_numbers(command, by_number):
    assert names_messages_by_number(line(command)) is by_number


def test_what_stands_in_a_literal_may_be_a_number():
    assert names_messages_by_number(line("UID SEARCH OR {3}"), whole=False)
    assert not names_messages_by_number(line("APPEND x {3}"), whole=False)


@pytest.mark.parametrize(
    ("names", "clear"),
    [
        ([], True),
        ([b"FETCH", b"NOOP"], True),
        ([b"SELECT"], True),
        ([b"EXAMINE", b"FETCH"], True),
        ([b"FETCH", b"SELECT"], False),
        ([b"SELECT", b"SELECT"], False),
        ([b"CLOSE"], False),
        ([b"NOOP", b"UNSELECT"], False),
    ],
)
def test_which_mailbox_the_commands_are_about(names, clear):
    assert selection_stays_clear(names) is clear
