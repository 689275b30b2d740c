"""Personas as a client meets them."""

import imaplib

import pytest

from fakeserver.personas import PERSONAS, UnknownPersona
from fakeserver.threaded import ThreadedServer
from tests.fakeserver.peers import MemoryPeer, MemoryServer

MAIL = b"Subject: x\r\n\r\nhello\r\n"


def home_of(persona: str) -> MemoryServer:
    home = MemoryServer(persona=persona)
    home.server.add_account("demo", "pw", empty=True)
    return home


def log_in(home: MemoryServer) -> MemoryPeer:
    peer = home.connect()
    peer.send(b"a LOGIN demo pw\r\n")
    assert peer.read_all().splitlines()[1].startswith(b"a OK")
    return peer


def ask(peer: MemoryPeer, command: bytes) -> list[bytes]:
    peer.send(b"t " + command + b"\r\n")
    return peer.read_all().splitlines()


# Python knows of no IMAP4rev2.
@pytest.mark.parametrize("persona", sorted(set(PERSONAS) - {"rev2"}))
def test_python_gets_along_with_each(persona: str) -> None:
    with ThreadedServer(persona=persona) as server:
        server.deliver(MAIL)
        with imaplib.IMAP4(server.host, server.port) as client:
            client.login(server.user, server.password)
            assert client.select() == ("OK", [b"1"])
            _, data = client.fetch("1", "(BODY.PEEK[])")
            assert isinstance(data[0], tuple)
            assert data[0][1] == MAIL
            assert client.list()[0] == "OK"
            assert client.status("INBOX", "(MESSAGES UIDNEXT)")[0] == "OK"
            assert client.search(None, "SEEN")[0] == "OK"


def test_minimal_has_nothing() -> None:
    peer = log_in(home_of("minimal"))
    assert ask(peer, b"CAPABILITY")[0] == b"* CAPABILITY IMAP4rev1"
    for command in (b"IDLE", b"NAMESPACE", b"ID NIL", b"ENABLE CONDSTORE", b"MOVE 1 INBOX"):
        assert ask(peer, command)[0].startswith(b"t BAD")


def test_rev2_is_nothing_else() -> None:
    home = home_of("rev2")
    home.server.deliver(MAIL)
    peer = log_in(home)
    assert ask(peer, b"CAPABILITY")[0] == b"* CAPABILITY IMAP4rev2"
    told = ask(peer, b"SELECT INBOX")
    assert not any(line.endswith(b" RECENT") for line in told)
    assert ask(peer, b"SEARCH ALL")[0] == b'* ESEARCH (TAG "t") ALL 1'
    assert ask(peer, b"UID MOVE 1 INBOX")[-1].startswith((b"t OK", b"t NO"))


def test_exchange_has_no_condstore() -> None:
    peer = log_in(home_of("exchange"))
    told = ask(peer, b"CAPABILITY")[0]
    assert b" CLIENTACCESSRULES" in told
    assert b"CONDSTORE" not in told
    assert not any(b"HIGHESTMODSEQ" in line for line in ask(peer, b"SELECT INBOX"))
    assert ask(peer, b"STATUS INBOX (MESSAGES)")[0].endswith(b" ")


def test_gmail_has_its_mailboxes() -> None:
    told = ask(log_in(home_of("gmail")), b'LIST "" *')
    assert any(line.endswith(b'"/" [Gmail]') and rb"\Noselect" in line for line in told)
    assert any(rb"\All" in line and line.endswith(b'"[Gmail]/All Mail"') for line in told)
    assert b"QRESYNC" not in ask(log_in(home_of("gmail")), b"CAPABILITY")[0]


def test_gmail_allows_fifteen_connections() -> None:
    home = home_of("gmail")
    peers = [log_in(home) for _ in range(15)]
    peer = home.connect()
    peer.read()
    peer.send(b"a LOGIN demo pw\r\n")
    assert peer.read_all() == b"a NO [ALERT] Too many simultaneous connections. (Failure)\r\n"
    assert len(peers) == 15


def test_gmail_labels() -> None:
    home = home_of("gmail")
    home.server.account().create(b"Muy Importante")
    home.server.deliver(MAIL)
    peer = log_in(home)
    assert b"* 1 EXISTS" in ask(peer, b'SELECT "[Gmail]/All Mail"')
    first = ask(peer, b"FETCH 1 (X-GM-MSGID X-GM-THRID X-GM-LABELS)")[0]
    assert first.endswith(rb"X-GM-LABELS (\Inbox))")
    added = ask(peer, rb'STORE 1 +X-GM-LABELS (\Important "Muy Importante" New)')
    assert added[0] == (rb'* 1 FETCH (X-GM-LABELS (\Inbox \Important "Muy Importante" New))')
    assert ask(peer, b"SEARCH X-GM-LABELS New")[0] == b"* SEARCH 1"
    assert ask(peer, rb"STORE 1 -X-GM-LABELS.SILENT (\Inbox)") == [b"t OK Success"]
    assert b"* 0 EXISTS" in ask(peer, b"EXAMINE INBOX")
    assert b"* 1 EXISTS" in ask(peer, b"SELECT New")
    again = ask(peer, b"FETCH 1 (X-GM-MSGID X-GM-THRID X-GM-LABELS)")[0]
    assert again.split()[:7] == first.split()[:7]
    number = first.split()[4]
    assert ask(peer, b"SEARCH X-GM-MSGID " + number)[0] == b"* SEARCH 1"
    assert ask(peer, b"SEARCH X-GM-RAW hello")[0] == b"* SEARCH 1"


def test_gmail_trash_takes_the_other_labels() -> None:
    home = home_of("gmail")
    home.server.deliver(MAIL)
    peer = log_in(home)
    ask(peer, b"SELECT INBOX")
    assert ask(peer, b'MOVE 1 "[Gmail]/Trash"')[-1].startswith(b"t OK")
    assert b"* 0 EXISTS" in ask(peer, b'EXAMINE "[Gmail]/All Mail"')
    assert b"* 1 EXISTS" in ask(peer, b'EXAMINE "[Gmail]/Trash"')


def test_gmail_flags_are_the_messages_own() -> None:
    home = home_of("gmail")
    home.server.deliver(MAIL)
    before = home.server.snapshot()
    home.server.restore(before)
    peer = log_in(home)
    ask(peer, b"SELECT INBOX")
    ask(peer, rb"STORE 1 +FLAGS (\Seen)")
    assert home.server.mailbox("[Gmail]/All Mail").messages[0].flags == {rb"\Seen"}


def test_others_know_no_labels() -> None:
    home = home_of("dovecot")
    peer = log_in(home)
    ask(peer, b"SELECT INBOX")
    for command in (b"FETCH 1 X-GM-MSGID", b"STORE 1 X-GM-LABELS (a)", b"SEARCH X-GM-RAW a"):
        assert ask(peer, command)[0].startswith(b"t BAD")


def test_courier_is_below_inbox() -> None:
    home = home_of("courier")
    home.server.add_account("other", "pw")
    told = ask(log_in(home), b'LIST "" *')
    assert all(b' "INBOX' in line for line in told[:-1])
    assert len(told) == 5


def test_cyrus_tells_all_it_can_do_after_the_log_in_alone() -> None:
    peer = home_of("cyrus").connect()
    greeting = peer.read_all()
    assert b"AUTH=PLAIN" in greeting
    assert b"CONDSTORE" not in greeting
    told = ask(peer, b"LOGIN demo pw")[-1]
    assert b" CONDSTORE " in told
    assert b" LOGINDISABLED" in told


def test_courier_counts_uids_in_status_alone() -> None:
    peer = log_in(home_of("courier"))
    assert not any(b"UIDNEXT" in line for line in ask(peer, b"SELECT INBOX"))
    assert ask(peer, b"STATUS INBOX (UIDNEXT)")[0] == b'* STATUS "INBOX" (UIDNEXT 1)'


def test_there_is_no_such_persona() -> None:
    with pytest.raises(UnknownPersona, match="there is no persona 'nobody'; there are dovecot,"):
        MemoryServer(persona="nobody")
