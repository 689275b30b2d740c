from collections.abc import Sequence

import pytest

from imapproxy.upstream.footprint import Footprint, Selection

# Each is the lines of one command; what stands between two of them is a literal.
TRACELESS = [
    [b" NOOP\r\n"],
    [b" noop\r\n"],
    [b" CAPABILITY\r\n"],
    [b' LIST "" "*"\r\n'],
    [b' LIST "" "*" RETURN (STATUS (MESSAGES UNSEEN))\r\n'],
    [b" STATUS INBOX (MESSAGES UIDNEXT)\r\n"],
    [b" SELECT INBOX\r\n"],
    [b' SELECT "a mailbox"\r\n'],
    [b" SELECT {5}\r\n", b"\r\n"],
    [b" EXAMINE INBOX\r\n"],
    [b" FETCH 1:* (FLAGS UID BODY.PEEK[HEADER.FIELDS (Subject)])\r\n"],
    [b" uid Fetch 1 BODY[]\r\n"],
    [b" UID  FETCH 1 BODY[]\r\n"],
    [b" UID EXPUNGE 1:3\r\n"],
    [b' STORE 1 +FLAGS (\\Deleted "update")\r\n'],
    [b" SEARCH CHARSET UTF-8 SUBJECT {6}\r\n", b" UNSEEN\r\n"],
    [b" SEARCH RETURN (SAVE COUNT) SUBJECT up\r\n"],
    [b" UID SEARCH TEXT context SUBJECT update\r\n"],
    [b" APPEND INBOX (\\Seen) {20}\r\n", b"\r\n"],
    [b" IDLE\r\n"],
    [b' GETMETADATA INBOX "/private/comment"\r\n'],
    [b" SETACL INBOX fred +r\r\n"],
    [b" UID MOVE 1 Trash\r\n"],
]
TRACES = [
    [b" ENABLE CONDSTORE\r\n"],
    [b" enable qresync\r\n"],
    [b" NOTIFY SET (SELECTED (MessageNew))\r\n"],
    [b" COMPARATOR i;octet\r\n"],
    [b" LANGUAGE de\r\n"],
    [b" COMPRESS DEFLATE\r\n"],
    [b" LOGOUT\r\n"],
    [b' ID ("name" "program")\r\n'],
    [b" ID NIL\r\n"],
    [b" XAPPLEPUSHSERVICE aps-version 2\r\n"],
    [b" FETCHALL\r\n"],
    [b" UID\r\n"],
    [b" UID ENABLE\r\n"],
    [b" UID UID FETCH 1\r\n"],
    [b" \r\n"],
    [b"\r\n"],
    [b" {4}\r\n", b"\r\n"],
    [b" SELECT INBOX (CONDSTORE)\r\n"],
    [b" select INBOX (condstore)\r\n"],
    [b" SELECT INBOX (QRESYNC (1 2))\r\n"],
    [b" SELECT INBOX (XUNHEARDOF)\r\n"],
    [b" EXAMINE {5}\r\n", b" (CONDSTORE)\r\n"],
    [b" STATUS INBOX (HIGHESTMODSEQ)\r\n"],
    [b" STATUS {5}\r\n", b" (UIDNEXT HIGHESTMODSEQ)\r\n"],
    [b' LIST "" {1}\r\n', b" RETURN (STATUS (HIGHESTMODSEQ))\r\n"],
    [b" FETCH 1 (MODSEQ)\r\n"],
    [b" FETCH 1:* (FLAGS) (CHANGEDSINCE 5)\r\n"],
    [b" UID FETCH 1:* (FLAGS) (ChangedSince 5)\r\n"],
    [b" STORE 1 (UNCHANGEDSINCE 5) FLAGS ()\r\n"],
    [b" SEARCH MODSEQ 620162338\r\n"],
    [b" SEARCH SUBJECT {3}\r\n", b" TEXT {3}\r\n", b" MODSEQ 5\r\n"],
    [b" UID SEARCH RETURN (COUNT UPDATE) UNSEEN\r\n"],
    [b" UID SORT RETURN(CONTEXT) (DATE) UTF-8 ALL\r\n"],
]


def _after(*commands: Sequence[bytes]) -> Footprint:
    footprint = Footprint()
    for number, (first, *others) in enumerate(commands):
        footprint.begun(b"%d" % number, first)
        for line in others:
            if footprint.reads_on:
                footprint.went_on(line)
    return footprint


@pytest.mark.parametrize("lines", TRACELESS)
def test_a_command_without_a_trace(lines: list[bytes]) -> None:
    assert _after(lines).traceless


@pytest.mark.parametrize("lines", TRACES)
def test_a_command_that_may_leave_a_trace(lines: list[bytes]) -> None:
    assert not _after(lines).traceless


@pytest.mark.parametrize("lines", TRACES)
def test_a_trace_stays_whatever_is_said_later(lines: list[bytes]) -> None:
    assert not _after(lines, [b" NOOP\r\n"], [b" SELECT INBOX\r\n"]).traceless


def test_a_message_that_is_appended_is_not_read() -> None:
    assert not _after([b" APPEND INBOX {20}\r\n"]).reads_on
    assert not _after([b" STATUS {5}\r\n"], [b" APPEND INBOX {20}\r\n"]).reads_on


def _selection(*told: tuple[bytes, bytes]) -> Selection:
    footprint = Footprint()
    for number, (rest, text) in enumerate(told):
        footprint.begun(b"%d" % number, rest)
        footprint.answered(b"%d" % number, text)
    return footprint.selection


@pytest.mark.parametrize(
    ("told", "selection"),
    [
        ([], Selection.NONE),
        ([(b" NOOP\r\n", b"OK done\r\n")], Selection.NONE),
        ([(b" SELECT a\r\n", b"OK [READ-WRITE] done\r\n")], Selection.SOME),
        ([(b" examine a\r\n", b"ok done\r\n")], Selection.SOME),
        ([(b" SELECT a\r\n", b"NO there is none\r\n")], Selection.NONE),
        ([(b" SELECT a\r\n", b"OK \r\n"), (b" CLOSE\r\n", b"OK \r\n")], Selection.NONE),
        ([(b" SELECT a\r\n", b"OK \r\n"), (b" UNSELECT\r\n", b"OK \r\n")], Selection.NONE),
        ([(b" SELECT a\r\n", b"OK \r\n"), (b" UNSELECT\r\n", b"NO \r\n")], Selection.SOME),
        ([(b" SELECT a\r\n", b"OK \r\n"), (b" SELECT b\r\n", b"NO \r\n")], Selection.UNKNOWN),
        ([(b" SELECT a\r\n", b"OK \r\n"), (b" SELECT b\r\n", b"BAD \r\n")], Selection.UNKNOWN),
        (
            [
                (b" SELECT a\r\n", b"OK \r\n"),
                (b" SELECT b\r\n", b"NO \r\n"),
                (b" SELECT a\r\n", b"OK \r\n"),
            ],
            Selection.SOME,
        ),
        (
            [
                (b" SELECT a\r\n", b"OK \r\n"),
                (b" SELECT b\r\n", b"NO \r\n"),
                (b" CLOSE\r\n", b"OK \r\n"),
            ],
            Selection.NONE,
        ),
        (
            [
                (b" SELECT a\r\n", b"OK \r\n"),
                (b" SELECT b\r\n", b"NO \r\n"),
                (b" CLOSE\r\n", b"BAD \r\n"),
            ],
            Selection.UNKNOWN,
        ),
    ],
)
def test_the_selection(told: list[tuple[bytes, bytes]], selection: Selection) -> None:
    assert _selection(*told) is selection


def test_pipelined_commands_are_answered_by_their_tags() -> None:
    footprint = Footprint()
    footprint.begun(b"a", b" SELECT a\r\n")
    footprint.begun(b"b", b" NOOP\r\n")
    footprint.begun(b"c", b" CLOSE\r\n")
    footprint.answered(b"a", b"OK \r\n")
    assert footprint.selection is Selection.SOME
    footprint.answered(b"b", b"OK \r\n")
    footprint.answered(b"c", b"OK \r\n")
    assert footprint.selection is Selection.NONE
