"""The scripts of the imaplib walk-through against the account that was made for them."""

import email
import email.message
import imaplib
import re
import ssl
import time
from collections.abc import Callable, Iterator

import pytest

from fakeserver.threaded import ThreadedServer

LIST_LINE = re.compile(r'\((?P<flags>.*?)\) "(?P<delimiter>.*)" (?P<name>.*)')
Open = Callable[[], imaplib.IMAP4]


@pytest.fixture(params=["plaintext", "starttls", "tls"])
def connect(request: pytest.FixtureRequest) -> Iterator[Open]:
    with ThreadedServer(empty=False) as server:
        context = ssl.create_default_context(cafile=server.ca_file)

        def make() -> imaplib.IMAP4:
            if request.param == "tls":
                return imaplib.IMAP4_SSL("localhost", server.tls_port, ssl_context=context)
            client = imaplib.IMAP4("localhost", server.port)
            if request.param == "starttls":
                client.starttls(context)
            return client

        yield make


def log_in(connect: Open) -> imaplib.IMAP4:
    client = connect()
    client.login("demo", "pw")
    return client


def mailboxes(client: imaplib.IMAP4) -> list[str]:
    found = [LIST_LINE.match(line.decode()) for line in client.list()[1]]  # type: ignore[union-attr]
    return [one["name"].strip('"') for one in found if one is not None]


def test_wrong_password(connect: Open) -> None:
    client = connect()
    with pytest.raises(imaplib.IMAP4.error, match=r"\[AUTHENTICATIONFAILED\]"):
        client.login("demo", "this_is_the_wrong_password")
    client.logout()


def test_list_and_status(connect: Open) -> None:
    with log_in(connect) as client:
        names = mailboxes(client)
        assert sorted(names) == ["Archive", "Deleted Messages", "Example", "Example.2016", "INBOX"]
        below = [
            b'(\\HasChildren) "." Example',
            b'(\\HasNoChildren) "." Example.2016',
        ]
        assert client.list(directory="Example") == ("OK", below)
        assert client.list(pattern="*Example*") == ("OK", below)
        items = "(MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)"
        assert client.status('"INBOX"', items)[1] == [
            b"INBOX (MESSAGES 2 RECENT 0 UIDNEXT 6 UIDVALIDITY 1457297769 UNSEEN 1)"
        ]
        assert client.status('"Deleted Messages"', items)[1] == [
            b'"Deleted Messages" (MESSAGES 3 RECENT 0 UIDNEXT 4 UIDVALIDITY 1457297773 UNSEEN 0)'
        ]


def test_select_and_search(connect: Open) -> None:
    with log_in(connect) as client:
        assert client.select("INBOX") == ("OK", [b"2"])
        assert client.select("Does-Not-Exist") == ("NO", [b"Mailbox doesn't exist: Does-Not-Exist"])
        found = {}
        for name in mailboxes(client):
            client.select(f'"{name}"', readonly=True)
            found[name] = client.search(None, '(FROM "Doug" SUBJECT "Example message 2")')[1]
        assert [name for name, numbers in found.items() if numbers != [b""]] == ["INBOX"]
        assert found["INBOX"] == [b"1"]


def test_fetch(connect: Open) -> None:
    with log_in(connect) as client:
        client.select("INBOX", readonly=True)
        _, [(before, header), end] = client.fetch("1", "(BODY.PEEK[HEADER] FLAGS)")
        assert before == b"1 (FLAGS () BODY[HEADER] {%d}" % len(header)
        assert end == b")"
        _, [(_, text), _] = client.fetch("1", "(BODY.PEEK[TEXT])")
        assert text == b"This is the second example message.\r\n"
        _, [flags] = client.fetch("1", "(FLAGS)")
        assert imaplib.ParseFlags(flags) == ()
        _, [(_, octets), _] = client.fetch("1", "(RFC822)")
        message = email.message_from_bytes(octets)
        assert message["subject"] == "PyMOTW Example message 2"
        assert message["to"] == message["from"] == "Doug Hellmann <doug@doughellmann.com>"


def test_append_archive_and_delete(connect: Open) -> None:
    message = email.message.Message()
    message["Subject"] = "subject goes here"
    message.set_payload("This is the body of the message.\n")
    with log_in(connect) as client:
        moment = imaplib.Time2Internaldate(time.time())
        assert client.append("INBOX", "", moment, str(message).encode())[0] == "OK"
        client.select("INBOX")
        assert client.search(None, "ALL") == ("OK", [b"1 2 3"])
        for copied, created in ((b"1", "OK"), (b"1 2", "NO")):
            client.select("INBOX")
            assert client.search(None, "SEEN") == ("OK", [b"2"])
            assert client.create("Example.Today")[0] == created
            client.copy("2", "Example.Today")
            client.select("Example.Today")
            assert client.search(None, "ALL") == ("OK", [copied])
    with log_in(connect) as client:
        client.select("Example.Today")
        assert client.search(None, '(SUBJECT "subject goes here")') == ("OK", [b"1 2"])
        client.store("1,2", "+FLAGS", r"(\Deleted)")
        assert client.fetch("1,2", "(FLAGS)")[1] == [
            b"1 (FLAGS (\\Deleted \\Seen))",
            b"2 (FLAGS (\\Deleted \\Seen))",
        ]
        assert client.expunge() == ("OK", [b"2", b"1"])
        assert client.search(None, "ALL") == ("OK", [b""])
