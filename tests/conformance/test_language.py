"""The scripts' own language: that a script that is wrong fails, and for what."""

from pathlib import Path

import pytest

from tests.conformance.matching import matches
from tests.conformance.player import gathered
from tests.conformance.responses import read_response
from tests.conformance.script import BadScript, read_cases
from tests.conformance.watch import Watch


def is_matched(expected: str, actual: str, **values: str) -> bool:
    known = {name: value.encode() for name, value in values.items()}
    script = read_response(expected.encode(), {"m": b"octets"})
    return matches(script, read_response(actual.encode()), known) is not None


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (r"* 1 FETCH (FLAGS (\Seen a) UID 5)", r"* 1 FETCH (UID 5 FLAGS (A \Seen))"),
        ("* SEARCH 1 2 3", "* SEARCH 3 2 1"),
        ("* CAPABILITY IMAP4rev1 ...", "* CAPABILITY X IMAP4rev1 Y"),
        ('* LIST (\\A \\B) "." foo', '* LIST (\\B \\A) "." "foo"'),
        ("* STATUS inbox (MESSAGES 1 UNSEEN 0)", '* STATUS "INBOX" (UNSEEN 0 MESSAGES 1)'),
        ("* ESEARCH (TAG \"a\") ALL 1:3 COUNT 3", '* ESEARCH (TAG "a") COUNT 3 ALL 1,2,3'),
        ("* 1 FETCH (BODY[] {=m})", '* 1 FETCH (BODY[] "octets")'),
        ("* 1 FETCH (BODY[] {=m})", "* 1 FETCH (BODY[] {6}\r\noctets)"),
        ("* 1 FETCH (INTERNALDATE \"01-Jan-2020 10:00:00 +0000\")",
         '* 1 FETCH (INTERNALDATE "01-Jan-2020 12:00:00 +0200")'),
        ("OK [COPYUID 7 1:2 3:4]", "OK [COPYUID 7 1,2 3,4] done"),
        ("NO", "NO [CANNOT] no"),
        ("NO|BAD", "BAD what?"),
        ("OK [...]", "OK done"),
        ("* ${n} EXISTS", "* 5 EXISTS"),
        ("* METADATA foo (/private/a NIL)", '* METADATA foo ("/Private/a" NIL)'),
        ("* ACL foo a lrs b lr", '* ACL "foo" b rl a srl'),
        ('* LISTRIGHTS foo a "" l r ...', '* LISTRIGHTS foo a "" r x l'),
        ("* OK [HIGHESTMODSEQ ${m>old}]", "* OK [HIGHESTMODSEQ 8] more"),
    ],
)  # fmt: skip
def test_the_same(expected: str, actual: str) -> None:
    assert is_matched(expected, actual, old="7")


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("* 1 FETCH (UID 5)", "* 2 FETCH (UID 5)"),
        ("* 1 FETCH (UID 5)", "* 1 FETCH (UID 5 FLAGS ())"),
        ("* SEARCH 1 2", "* SEARCH 1 2 3"),
        ("* SORT 1 2", "* SORT 2 1"),
        ('* 1 FETCH (BODY[] "NIL")', "* 1 FETCH (BODY[] NIL)"),
        ("OK", "OK [READ-WRITE] done"),
        ("OK", "NO done"),
        ("OK", "* OK done"),
        ("* OK [HIGHESTMODSEQ ${m>old}]", "* OK [HIGHESTMODSEQ 7] same"),
        ("* ${old} EXISTS", "* 8 EXISTS"),
        ("* ACL foo a lrs b lr", "* ACL foo a lr b lrs"),
        ("* MYRIGHTS foo lrs", "* MYRIGHTS foo lr"),
    ],
)
def test_not_the_same(expected: str, actual: str) -> None:
    assert not is_matched(expected, actual, old="7")


def test_expunge_in_any_order() -> None:
    down = [read_response(b"* 4 EXPUNGE"), read_response(b"* 2 EXPUNGE")]
    up = [read_response(b"* 2 EXPUNGE"), read_response(b"* 3 EXPUNGE")]
    other = [read_response(b"* 2 EXPUNGE"), read_response(b"* 2 EXPUNGE")]
    assert gathered(down) == gathered(up) == [read_response(b"* (2 4) EXPUNGE", {})]
    assert gathered(other) != gathered(up)


def test_the_watch() -> None:
    watch = Watch()
    assert not watch.response(b"* 3 EXISTS\r\n")
    assert not watch.response(b"* 2 FETCH (UID 7)\r\n")
    assert "UIDs do not ascend" in watch.response(b"* 3 FETCH (UID 6)\r\n")
    assert "no EXPUNGE" in watch.response(b"* 2 EXISTS\r\n")
    assert "not there" in watch.response(b"* 4 FETCH (UID 9)\r\n")
    assert "cannot be decoded" in watch.response(b"* 1 FETCH (UID\r\n")
    watch.command(b"a", b"FETCH 1 UID")
    assert "sequence numbers" in watch.response(b"* 1 EXPUNGE\r\n")


def test_a_script_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "bad.imap"
    path.write_text("== one\nC: NOOP\nX: what\n")
    with pytest.raises(BadScript, match=r"bad\.imap:3: unknown directive|not understood"):
        list(read_cases(path))
