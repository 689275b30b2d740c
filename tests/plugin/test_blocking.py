"""The fixtures with clients that block."""

import imaplib
import socket
import ssl

import pytest

from fakeserver.faults import Reply
from fakeserver.threaded import ThreadedAccount, ThreadedServer

MAIL = "From: a@example.org\nSubject: hello\n\nworld\n"


def test_log_in_select_fetch(imap_server: ThreadedServer) -> None:
    uid = imap_server.deliver(MAIL)
    with imaplib.IMAP4(imap_server.host, imap_server.port) as client:
        client.login(imap_server.user, imap_server.password)
        assert client.select() == ("OK", [b"1"])
        _, data = client.fetch("1", "(BODY[])")
    assert data[0] is not None
    assert data[0][1] == MAIL.replace("\n", "\r\n").encode()
    assert imap_server.flags(uid) == {"\\Seen"}
    assert [command.name for command in imap_server.commands("FETCH")] == ["FETCH"]


@pytest.mark.parametrize("starttls", [False, True])
def test_tls(imap_server: ThreadedServer, starttls: bool) -> None:
    context = ssl.create_default_context(cafile=imap_server.ca_file)
    if starttls:
        client = imaplib.IMAP4(imap_server.host, imap_server.port)
        client.starttls(context)
    else:
        client = imaplib.IMAP4_SSL(imap_server.host, imap_server.tls_port, ssl_context=context)
    with client:
        assert client.login(imap_server.user, imap_server.password)[0] == "OK"


@pytest.mark.parametrize("round", [1, 2])
def test_each_test_has_a_server_that_is_as_new(imap_server: ThreadedServer, round: int) -> None:
    assert imap_server.messages() == []
    assert imap_server.mailboxes() == ["INBOX"]
    assert imap_server.transcript() == ""
    imap_server.deliver(MAIL)
    imap_server.create_mailbox("Sent")
    imap_server.add_account("another")
    imap_server.fault(Reply("NO"), command="LOGIN", times=None)
    imap_server.use_certificate("expired")
    # Left open, as tests do that fail.
    client = imaplib.IMAP4(imap_server.host, imap_server.port)
    with pytest.raises(imaplib.IMAP4.error):
        client.login(imap_server.user, imap_server.password)
    client.shutdown()


def test_an_account_of_its_own(imap_server: ThreadedServer, imap_account: ThreadedAccount) -> None:
    imap_account.deliver(MAIL)
    assert imap_server.messages() == []
    with imaplib.IMAP4(imap_account.host, imap_account.port) as client:
        client.login(imap_account.user, imap_account.password)
        assert client.select() == ("OK", [b"1"])
    assert [command.name for command in imap_account.commands("SELECT")] == ["SELECT"]
    assert imap_server.commands(user="demo") == []


def test_what_is_done_from_behind_is_seen(imap_server: ThreadedServer) -> None:
    first, second = imap_server.deliver(MAIL), imap_server.deliver(MAIL)
    with imaplib.IMAP4(imap_server.host, imap_server.port) as client:
        client.login(imap_server.user, imap_server.password)
        client.select()
        imap_server.set_flags(second, [r"\Flagged"])
        imap_server.expunge(first)
        client.noop()
        assert client.response("EXPUNGE") == ("EXPUNGE", [b"1"])
        assert client.search(None, "FLAGGED") == ("OK", [b"1"])


def test_snapshot_and_restore(imap_server: ThreadedServer) -> None:
    imap_server.deliver(MAIL)
    before = imap_server.snapshot()
    imap_server.expunge([1])
    imap_server.restore(before)
    assert [mail.uid for mail in imap_server.messages()] == [1]


def test_waiting_for_a_client_that_runs_by_itself(imap_server: ThreadedServer) -> None:
    with socket.create_connection((imap_server.host, imap_server.port)) as client:
        file = client.makefile("rb")
        file.readline()
        client.sendall(b"a LOGIN demo pw\r\nb SELECT INBOX\r\nc IDLE\r\n")
        assert imap_server.wait_for_command("IDLE").tag == b"c"
        imap_server.deliver(MAIL)
        while file.readline() != b"* 1 EXISTS\r\n":
            pass
        with pytest.raises(TimeoutError, match=r"no STORE within 0\.01 seconds"):
            imap_server.wait_for_command("STORE", timeout=0.01)
        file.close()


@pytest.mark.imap_server(user="someone", empty=False)
def test_another_kind_of_server(imap_server: ThreadedServer) -> None:
    assert imap_server.user == "someone"
    assert "Archive" in imap_server.mailboxes()


def test_a_mistake_in_a_call_is_raised_where_it_was_called(imap_server: ThreadedServer) -> None:
    with pytest.raises(KeyError, match="no message with UID 7"):
        imap_server.flags(7)
    with pytest.raises(KeyError, match="no message with UID 7"):
        imap_server.expunge(7)
