"""Each quirk alone: what the server says with it, and that it says so without it no more."""

import re

import pytest

from fakeserver.host import Limits
from fakeserver.quirks import QUIRKS, UnknownQuirk
from tests.fakeserver.peers import MemoryPeer, MemoryServer

MAIL = b"Subject: x\r\n\r\n\\Recent\r\n"
BODY = b"{23}\r\n" + MAIL

# What is asked, what is heard with the quirk, what without it.
CASES: dict[str, tuple[bytes, bytes, bytes]] = {
    "no-recent": (
        b"FETCH 1 (FLAGS BODY.PEEK[])",
        b"* 1 FETCH (FLAGS () BODY[] %b)\r\n" % BODY,
        b"* 1 FETCH (FLAGS (\\Recent) BODY[] %b)\r\n" % BODY,
    ),
    "trailing-space-in-status": (
        b"STATUS Empty (MESSAGES)",
        b"* STATUS Empty (MESSAGES 0) \r\n",
        b"* STATUS Empty (MESSAGES 0)\r\n",
    ),
    "trailing-space-in-search": (b"SEARCH ALL", b"* SEARCH 1 \r\n", b"* SEARCH 1\r\n"),
    "flags-behind-body": (
        b"UID FETCH 1 (FLAGS BODY.PEEK[])",
        b"* 1 FETCH (BODY[] %b UID 1 FLAGS (\\Recent))\r\n" % BODY,
        b"* 1 FETCH (UID 1 FLAGS (\\Recent) BODY[] %b)\r\n" % BODY,
    ),
    "charset-ascii-alone": (
        b"SEARCH CHARSET UTF-8 ALL",
        b"t NO [BADCHARSET (US-ASCII)] The specified charset is not supported.\r\n",
        b"* SEARCH 1\r\n",
    ),
    "no-charset": (
        b"UID SEARCH CHARSET UTF-8 ALL",
        b"t BAD [CLIENTBUG] UID SEARCH Command arguments invalid\r\n",
        b"* SEARCH 1\r\n",
    ),
    "no-or": (
        b"SEARCH NOT OR SEEN ALL",
        b"t NO [SERVERBUG] SEARCH Server error - Please try again later\r\n",
        b"* SEARCH\r\n",
    ),
    "no-rfc822": (
        b"FETCH 1 (UID RFC822)",
        b"* 1 FETCH (FLAGS (\\Seen \\Recent) UID 1)\r\n",
        b"* 1 FETCH (FLAGS (\\Seen \\Recent) UID 1 RFC822 %b)\r\n" % BODY,
    ),
    "silent-empty-search": (b"SEARCH SEEN", b"t OK Search completed", b"* SEARCH\r\n"),
    "took-ms": (b"CHECK", b"t OK Check completed (took 0 ms)\r\n", b"t OK Check completed.\r\n"),
    "inbox-noinferiors": (
        b'LIST "" INBOX',
        b'* LIST (\\Noinferiors) "." INBOX\r\n',
        b'* LIST (\\HasNoChildren) "." INBOX\r\n',
    ),
    "inbox-namespace": (
        b"NAMESPACE",
        b'* NAMESPACE (("INBOX." ".")) ',
        b'* NAMESPACE (("" ".")) ',
    ),
    "copyuid-bare": (
        b"MOVE 1 Empty",
        b"[COPYUID 7 1 1]\r\n",
        b"* OK [COPYUID 7 1 1] Moved UIDs.\r\n",
    ),
    "copyuid-tagged": (
        b"MOVE 1 Empty",
        b"* 1 EXPUNGE\r\n* 0 RECENT\r\nt OK [COPYUID 7 1 1] Move completed.\r\n",
        b"* OK [COPYUID 7 1 1] Moved UIDs.\r\n* 1 EXPUNGE\r\n",
    ),
    "bare-refusals": (
        b"CREATE Empty",
        b"t NO Mailbox already exists",
        b"t NO [ALREADYEXISTS] Mailbox already exists",
    ),
    "unknown-charset-is-bad": (
        b"SEARCH CHARSET X-NONE ALL",
        b"t BAD Unrecognized character set\r\n",
        b"t NO [BADCHARSET ",
    ),
    "flags-before-uid": (
        b"UID FETCH 1 (FLAGS BODY.PEEK[])",
        b"* 1 FETCH (FLAGS (\\Recent) UID 1 BODY[] %b)\r\n" % BODY,
        b"* 1 FETCH (UID 1 FLAGS (\\Recent) BODY[] %b)\r\n" % BODY,
    ),
    "silent-is-told": (
        b"STORE 1 +FLAGS.SILENT (\\Seen)",
        b"* 1 FETCH (FLAGS (\\Seen \\Recent))\r\nt OK ",
        b"t OK ",
    ),
    "absent-numbers-left-out": (
        b"FETCH 1:9 UID",
        b"* 1 FETCH (UID 1)\r\nt OK ",
        b"t BAD Invalid messageset.\r\n",
    ),
    "parents-stay": (
        b"DELETE Parent",
        b"t NO [HASCHILDREN] Mailbox has inferior hierarchical names\r\n",
        b"t OK ",
    ),
    "foreign-namespaces-of-cyrus": (
        b"NAMESPACE",
        b'* NAMESPACE (("" ".")) (("user." ".")) (("" "."))\r\n',
        b'* NAMESPACE (("" ".")) NIL NIL\r\n',
    ),
    "foreign-namespaces-of-courier": (
        b"NAMESPACE",
        b'* NAMESPACE (("" ".")) NIL (("#shared." ".")("shared." "."))\r\n',
        b'* NAMESPACE (("" ".")) NIL NIL\r\n',
    ),
    "recent-among-flags": (
        b"EXAMINE INBOX",
        b"* OK [CLOSED] Previous mailbox closed.\r\n"
        b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\Recent)\r\n",
        b"* OK [CLOSED] Previous mailbox closed.\r\n"
        b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n",
    ),
    "no-instead-of-bad": (
        b"NOTHING",
        b"t NO Error in IMAP command received by server.\r\n",
        b"t BAD Error in IMAP command NOTHING: Unknown command.\r\n",
    ),
    "quoted-mailboxes": (
        b'LIST "" Empty',
        b'* LIST (\\HasNoChildren) "." "Empty"\r\n',
        b'* LIST (\\HasNoChildren) "." Empty\r\n',
    ),
    "not-connected": (
        b"STATUS INBOX (MESSAGES)",
        b"t BAD User is authenticated but not connected.\r\n",
        b"* STATUS INBOX (MESSAGES 1)\r\n",
    ),
}


def connect(*quirks: str, limits: Limits | None = None) -> MemoryPeer:
    home = MemoryServer(quirks=quirks, limits=limits)
    account = home.server.add_account("demo", "pw", empty=True)
    for name in (b"Empty", b"Parent", b"Parent.Child"):
        account.create(name)
    home.server.deliver(MAIL)
    peer = home.connect()
    peer.send(b"a LOGIN demo pw\r\nb SELECT INBOX\r\n")
    peer.read_all()
    return peer


@pytest.mark.parametrize("name", CASES)
def test_quirk(name: str) -> None:
    command, with_it, without_it = CASES[name]
    for peer, heard in ((connect(name), with_it), (connect(), without_it)):
        peer.send(b"t " + command + b"\r\n")
        told = re.sub(rb"COPYUID \d+", b"COPYUID 7", peer.read_all())
        assert told.startswith(heard)


def test_all_are_tested_and_have_a_source() -> None:
    others = {
        "too-many-is-alert",
        "bye-when-throttled",
        "short-greeting",
        "no-capability-at-login",
        "no-uidnext-in-select",
        "rights-in-select",
    }
    assert set(QUIRKS) == set(CASES) | others
    assert all(quirk.seen.startswith(("https://", "observed with")) for quirk in QUIRKS.values())


def test_counts_of_recent() -> None:
    peer = connect("no-recent")
    peer.send(b"a EXAMINE INBOX\r\nb STATUS INBOX (RECENT)\r\n")
    told = peer.read_all()
    assert b"* 0 RECENT\r\n" in told
    assert b"(RECENT 0)" in told


def test_what_select_tells() -> None:
    told = {}
    for quirk in ("no-recent", "no-uidnext-in-select", "rights-in-select"):
        peer = connect(quirk)
        peer.send(b"t EXAMINE INBOX\r\n")
        told[quirk] = re.findall(rb"\[([A-Z]+) [^()\]]+\]", peer.read_all())
    assert told == {
        "no-recent": [b"UNSEEN", b"UIDVALIDITY", b"UIDNEXT", b"HIGHESTMODSEQ"],
        "no-uidnext-in-select": [b"UIDVALIDITY", b"HIGHESTMODSEQ"],
        "rights-in-select": [
            b"UNSEEN", b"UIDVALIDITY", b"MYRIGHTS", b"UIDNEXT", b"HIGHESTMODSEQ",
        ],
    }  # fmt: skip


def test_capabilities_are_to_be_asked_for() -> None:
    home = MemoryServer(quirks=["short-greeting", "no-capability-at-login"])
    home.server.add_account("demo", "pw")
    peer = home.connect()
    greeting = peer.read_all()
    assert greeting.startswith(b"* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID ENABLE ")
    assert b"AUTH=PLAIN" in greeting
    assert b"IDLE" not in greeting
    peer.send(b"a CAPABILITY\r\n")
    assert b" IDLE " in peer.read_all()
    peer.send(b"b LOGIN demo pw\r\n")
    assert peer.read_all() == b"b OK Logged in\r\n"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"FETCH 2:9 UID", b"t NO No matching messages\r\n"),
        (b"COPY 9 Empty", b"t NO No matching messages\r\n"),
        (b"STORE 9 FLAGS (\\Seen)", b"t OK Store completed.\r\n"),
        (b"UID FETCH 9 UID", b"t OK Fetch completed.\r\n"),
    ],
)
def test_where_no_number_is_there(command: bytes, answer: bytes) -> None:
    peer = connect("absent-numbers-left-out")
    peer.send(b"t " + command + b"\r\n")
    assert peer.read_all() == answer


def test_mailboxes_are_made_below_inbox_alone() -> None:
    peer = connect("inbox-namespace")
    peer.send(b"a CREATE Sent\r\nb CREATE INBOX.Sent\r\nc RENAME INBOX.Sent Sent\r\n")
    assert [line[2:4] for line in peer.read_all().splitlines()] == [b"NO", b"OK", b"NO"]


def test_too_many_connections() -> None:
    home = MemoryServer(quirks=["too-many-is-alert"], limits=Limits(connections_per_user=0))
    home.server.add_account()
    peer = home.connect()
    peer.read()
    peer.send(b"a LOGIN demo pw\r\n")
    assert peer.read_all() == b"a NO [ALERT] Too many simultaneous connections. (Failure)\r\n"


def test_bye_when_throttled() -> None:
    peer = connect("bye-when-throttled")
    peer.send(b"n NOOP\r\n" * 998)
    assert peer.read_all() == b"n OK NOOP completed.\r\n" * 998
    peer.send(b"n NOOP\r\n")
    assert peer.read_all() == b"* BYE Connection is closed. 13\r\n"
    assert peer.closed


def test_there_is_no_such_quirk() -> None:
    with pytest.raises(UnknownQuirk, match="there is no quirk 'nothing'; there are no-recent,"):
        MemoryServer(quirks=["nothing"])
