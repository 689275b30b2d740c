"""The imaplib walk-through ("Python Module of the Week"): what each of its scripts does.

The calls are the article's, the code is not. Each runs on the same account at the fake server and
at a real Dovecot, through the proxy in the article's three variants: a plaintext socket, TLS, and
the standard input and output of a command. And once without the proxy, to see that the script and
not the proxy is what an assertion is about.
"""

import datetime
import email.message
import email.parser
import email.policy
import imaplib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from fakeserver.seed import fill_with_walkthrough
from fakeserver.store.account import Account as FakeAccount
from tests.real.dovecot import Account, Dovecot, Message
from tests.real.fake import FakeServer
from tests.real.proxy import ListenerCertificate, Proxy

MAILBOXES = {"INBOX", "Archive", "Deleted Messages", "Example", "Example.2016"}
SUBJECT = b"PyMOTW Example message 2"
_LIST_LINE = re.compile(r'\((?P<flags>[^)]*)\) "(?P<delimiter>.)" (?P<name>.+)')


@dataclass(frozen=True)
class Peer:
    """A server with the account of the article, and one way to it."""

    connect: Callable[[], imaplib.IMAP4]
    user: str
    password: str

    def log_in(self) -> imaplib.IMAP4:
        """Return a connection with the account opened."""
        connection = self.connect()
        connection.login(self.user, self.password)
        return connection


@pytest.fixture(scope="module")
def fake_proxy(
    fake_server: FakeServer, listener_certificate: ListenerCertificate
) -> Iterator[Proxy]:
    upstream, ca_file = fake_server.upstream, fake_server.ca_file
    with Proxy(upstream, ca_file, certificate=listener_certificate) as proxy:
        yield proxy


@pytest.fixture(params=["fakeserver", "dovecot"])
def server(request: pytest.FixtureRequest) -> FakeServer | Dovecot:
    name = {"fakeserver": "fake_server", "dovecot": "dovecot"}[request.param]
    chosen: FakeServer | Dovecot = request.getfixturevalue(name)
    return chosen


@pytest.fixture(params=["IMAP4", "IMAP4_SSL", "IMAP4_stream", "direct"])
def peer(request: pytest.FixtureRequest, server: FakeServer | Dovecot) -> Iterator[Peer]:
    if isinstance(server, FakeServer):
        opened = server.walkthrough_account()
        user, password = opened.user, opened.password
    else:
        account = server.account("walk")
        seed_as_the_fake_server_does(account)
        user, password = account.user, account.password
    if request.param == "direct":
        yield Peer(lambda: imaplib.IMAP4("127.0.0.1", server.imap_port), user, password)
        return
    fixture = "fake_proxy" if isinstance(server, FakeServer) else "dovecot_proxy"
    proxy: Proxy = request.getfixturevalue(fixture)
    before = proxy.complaints()
    yield Peer(variant(request.param, proxy), user, password)
    assert proxy.complaints() == before, proxy.program.describe()


def variant(name: str, proxy: Proxy) -> Callable[[], imaplib.IMAP4]:
    """Return how to connect in one of imaplib's three ways."""
    assert proxy.certificate is not None
    context = proxy.certificate.client_context()
    ways: dict[str, Callable[[], imaplib.IMAP4]] = {
        "IMAP4": lambda: imaplib.IMAP4("127.0.0.1", proxy.port),
        "IMAP4_SSL": lambda: imaplib.IMAP4_SSL("127.0.0.1", proxy.tls_port, ssl_context=context),
        "IMAP4_stream": lambda: imaplib.IMAP4_stream(proxy.stdio_command()),
    }
    return ways[name]


def seed_as_the_fake_server_does(account: Account) -> None:
    """Put the mailboxes of the fake server's default account into Dovecot, UIDs and all."""
    model = FakeAccount(b"user", b"password", lambda: datetime.datetime.now(datetime.UTC))
    fill_with_walkthrough(model)
    for name, mailbox in model.mailboxes.items():
        messages = [
            Message(
                stored.content.octets,
                "S" if b"\\Seen" in map(bytes, stored.flags) else "",
                int(stored.internal_date.timestamp()),
                stored.uid,
            )
            for stored in mailbox.messages
        ]
        account.seed(
            name.decode(), messages, uid_validity=mailbox.uid_validity, uid_next=mailbox.uid_next
        )


def parse_list_line(line: bytes) -> tuple[set[str], str, str]:
    """Take a line of LIST apart: flags, delimiter, and the name without its quotes."""
    match = _LIST_LINE.fullmatch(line.decode())
    assert match is not None, line
    return set(match["flags"].split()), match["delimiter"], match["name"].strip('"')


def names_in(data: list[bytes]) -> set[str]:
    return {parse_list_line(line)[2] for line in data}


def quoted(name: str) -> str:
    """Quote a mailbox name, which imaplib leaves to its caller."""
    return f'"{name}"'


def literals_in(data: list[object]) -> list[bytes]:
    """Return the octets out of what imaplib makes of FETCH responses."""
    return [part[1] for part in data if isinstance(part, tuple)]


def test_connect(peer: Peer) -> None:
    with peer.connect() as connection:
        assert connection.state == "NONAUTH"
        assert connection.login(peer.user, peer.password)[0] == "OK"
        assert connection.state == "AUTH"
    assert connection.state == "LOGOUT"


def test_wrong_password(peer: Peer) -> None:
    with peer.connect() as connection:
        with pytest.raises(imaplib.IMAP4.error, match=r"\[AUTHENTICATIONFAILED\]"):
            connection.login(peer.user, "not-the-password")
        # A mistyped password is no reason to hang up.
        assert connection.login(peer.user, peer.password)[0] == "OK"


def test_list(peer: Peer) -> None:
    with peer.log_in() as connection:
        kind, data = connection.list()
        assert kind == "OK"
        assert len(data) == len(MAILBOXES)
        assert any(line.endswith(b'"Deleted Messages"') for line in data)


def test_list_and_parse(peer: Peer) -> None:
    with peer.log_in() as connection:
        _, data = connection.list()
        lines = [parse_list_line(line) for line in data]
    assert {name for _, _, name in lines} == MAILBOXES
    assert {delimiter for _, delimiter, _ in lines} == {"."}
    for flags, _, name in lines:
        children = flags & {"\\HasChildren", "\\HasNoChildren"}
        assert children == {"\\HasChildren" if name == "Example" else "\\HasNoChildren"}


def test_list_sub_folders(peer: Peer) -> None:
    with peer.log_in() as connection:
        kind, data = connection.list(directory="Example")
        assert kind == "OK"
        assert names_in(data) == {"Example", "Example.2016"}


def test_list_by_pattern(peer: Peer) -> None:
    with peer.log_in() as connection:
        kind, data = connection.list(pattern="*Example*")
        assert kind == "OK"
        assert names_in(data) == {"Example", "Example.2016"}


def test_status(peer: Peer) -> None:
    items = "(MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)"
    with peer.log_in() as connection:
        answers = {}
        for name in names_in(connection.list()[1]):
            kind, [line] = connection.status(quoted(name), items)
            assert kind == "OK"
            answers[name] = line
    assert answers == {
        "Example": b"Example "
        b"(MESSAGES 0 RECENT 0 UIDNEXT 2 UIDVALIDITY 1457297771 UNSEEN 0)",
        "Example.2016": b"Example.2016 "
        b"(MESSAGES 1 RECENT 0 UIDNEXT 3 UIDVALIDITY 1457297772 UNSEEN 0)",
        "Archive": b"Archive "
        b"(MESSAGES 0 RECENT 0 UIDNEXT 1 UIDVALIDITY 1457297770 UNSEEN 0)",
        "Deleted Messages": b'"Deleted Messages" '
        b"(MESSAGES 3 RECENT 0 UIDNEXT 4 UIDVALIDITY 1457297773 UNSEEN 0)",
        "INBOX": b"INBOX "
        b"(MESSAGES 2 RECENT 0 UIDNEXT 6 UIDVALIDITY 1457297769 UNSEEN 1)",
    }  # fmt: skip


def test_select(peer: Peer) -> None:
    with peer.log_in() as connection:
        assert connection.select("INBOX") == ("OK", [b"2"])
        assert connection.response("UIDVALIDITY") == ("UIDVALIDITY", [b"1457297769"])


def test_select_what_is_not_there(peer: Peer) -> None:
    with peer.log_in() as connection:
        kind, [text] = connection.select("Does-Not-Exist")
        assert kind == "NO"
        assert b"Mailbox doesn't exist: Does-Not-Exist" in text


def search_everywhere(connection: imaplib.IMAP4, criterion: str) -> dict[str, bytes]:
    found = {}
    for name in names_in(connection.list()[1]):
        assert connection.select(quoted(name), readonly=True)[0] == "OK"
        kind, [found[name]] = connection.search(None, criterion)
        assert kind == "OK"
    return found


def test_search_all(peer: Peer) -> None:
    with peer.log_in() as connection:
        assert search_everywhere(connection, "ALL") == {
            "Example": b"",
            "Example.2016": b"1",
            "Archive": b"",
            "Deleted Messages": b"1 2 3",
            "INBOX": b"1 2",
        }


def test_search_by_subject(peer: Peer) -> None:
    # Written as it is printed, the article's script cannot run: it formats one name with "{} {}".
    with peer.log_in() as connection:
        found = search_everywhere(connection, '(SUBJECT "Example message 2")')
    assert {name: ids for name, ids in found.items() if ids} == {"INBOX": b"1"}


def test_search_by_sender_and_subject(peer: Peer) -> None:
    with peer.log_in() as connection:
        found = search_everywhere(connection, '(FROM "Doug" SUBJECT "Example message 2")')
        nothing = search_everywhere(connection, '(FROM "Nobody" SUBJECT "Example message 2")')
    assert {name: ids for name, ids in found.items() if ids} == {"INBOX": b"1"}
    assert set(nothing.values()) == {b""}


def test_fetch_raw_and_see_the_conversation(
    peer: Peer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(imaplib, "Debug", 4)
    with peer.log_in() as connection:
        assert connection.select("INBOX", readonly=True) == ("OK", [b"2"])
        kind, data = connection.fetch("1", "(BODY.PEEK[HEADER] FLAGS)")
        assert kind == "OK"
    [header] = literals_in(data)
    assert header.endswith(b"\r\n\r\n")
    assert b"\r\nSubject: " + SUBJECT + b"\r\n" in header
    # The order of the items is the server's; imaplib's tuple begins before the literal.
    first = data[0][0] + data[-1]
    assert b"FLAGS ()" in first
    assert b"BODY[HEADER] {%d}" % len(header) in first
    said = capsys.readouterr().err
    for line in (
        r"new IMAP4 connection, tag=b'(\w+)'",
        r"< b'\* OK .*'",
        r"> b'\w+ CAPABILITY'",
        r"> b'\w+ EXAMINE INBOX'",
        r"< b'\* 2 EXISTS'",
        r"< b'\* OK \[PERMANENTFLAGS \(\)\] .*'",
        r"< b'\* OK \[UIDVALIDITY 1457297769\] .*'",
        r"< b'\* OK \[UIDNEXT 6\] .*'",
        r"< b'\w+ OK \[READ-ONLY\] .*'",
        r"> b'\w+ FETCH 1 \(BODY\.PEEK\[HEADER\] FLAGS\)'",
        rf"read literal size {len(header)}",
        r"> b'\w+ LOGOUT'",
        r"BYE response: b'.*'",
    ):
        assert re.search(line, said), f"{line} is not in\n{said}"


def test_fetch_separately(peer: Peer) -> None:
    with peer.log_in() as connection:
        connection.select("INBOX", readonly=True)
        [header] = literals_in(connection.fetch("1", "(BODY.PEEK[HEADER])")[1])
        [text] = literals_in(connection.fetch("1", "(BODY.PEEK[TEXT])")[1])
        [flags] = connection.fetch("1", "(FLAGS)")[1]
    assert header.startswith(b"Return-Path: ")
    assert text == b"This is the second example message.\r\n"
    assert flags == b"1 (FLAGS ())"
    assert imaplib.ParseFlags(flags) == ()


def test_fetch_rfc822_and_parse(peer: Peer) -> None:
    with peer.log_in() as connection:
        connection.select("INBOX", readonly=True)
        kind, data = connection.fetch("1", "(RFC822)")
        assert kind == "OK"
    parser = email.parser.BytesFeedParser(policy=email.policy.default)
    [octets] = literals_in(data)
    parser.feed(octets)
    message = parser.close()
    assert message["subject"] == SUBJECT.decode()
    assert "Doug Hellmann" in message["from"]
    assert "Doug Hellmann" in message["to"]
    assert message.get_content() == "This is the second example message.\r\n"


def new_message() -> bytes:
    message = email.message.Message()
    message.set_unixfrom("author")
    message["Subject"] = "subject goes here"
    message["From"] = "author@example.com"
    message["To"] = "reader@example.com"
    message.set_payload("The text of the message.\n")
    return str(message).encode()


def test_append(peer: Peer) -> None:
    with peer.log_in() as connection:
        date = imaplib.Time2Internaldate(time.time())
        assert connection.append("INBOX", "", date, new_message())[0] == "OK"
        connection.select("INBOX")
        [numbers] = connection.search(None, "ALL")[1]
        assert numbers == b"1 2 3"
        headers = [
            literals_in(connection.fetch(number, "(BODY.PEEK[HEADER])")[1])[0]
            for number in numbers.decode().split()
        ]
        [whole] = literals_in(connection.fetch("3", "(BODY.PEEK[])")[1])
    assert SUBJECT in headers[0]
    assert headers[2] == (
        b"Subject: subject goes here\r\nFrom: author@example.com\r\nTo: reader@example.com\r\n\r\n"
    )
    assert whole == new_message().replace(b"\n", b"\r\n")


def archive_what_is_read(connection: imaplib.IMAP4) -> tuple[str, bytes, bytes, bytes]:
    """Copy what is read in INBOX; return CREATE's answer, what was copied and what is there."""
    connection.select("INBOX")
    [read] = connection.search(None, "SEEN")[1]
    kind, [text] = connection.create("Example.Today")
    assert connection.copy(read.decode().replace(" ", ","), "Example.Today")[0] == "OK"
    connection.select("Example.Today")
    return kind, text, read, connection.search(None, "ALL")[1][0]


def test_archive_what_is_read_twice(peer: Peer) -> None:
    with peer.log_in() as connection:
        kind, _, read, there = archive_what_is_read(connection)
        assert (kind, read, there) == ("OK", b"2", b"1")
    with peer.log_in() as connection:
        kind, text, read, there = archive_what_is_read(connection)
        assert (kind, read, there) == ("NO", b"2", b"1 2")
        assert text.startswith(b"[ALREADYEXISTS]")


def test_delete(peer: Peer) -> None:
    with peer.log_in() as connection:
        archive_what_is_read(connection)
        archive_what_is_read(connection)
        connection.append("Example.Today", "", "", b"Subject: another\r\n\r\n")
        connection.select("Example.Today")
        assert connection.search(None, "ALL") == ("OK", [b"1 2 3"])
        [found] = connection.search(None, '(SUBJECT "subject goes here")')[1]
        assert found == b"1 2"
        numbers = found.decode().replace(" ", ",")
        before = connection.fetch(numbers, "(FLAGS)")[1]
        assert [set(imaplib.ParseFlags(line)) - {b"\\Recent"} for line in before] == (
            [{b"\\Seen"}, {b"\\Seen"}]
        )
        assert connection.store(numbers, "+FLAGS", r"(\Deleted)")[0] == "OK"
        after = connection.fetch(numbers, "(FLAGS)")[1]
        assert all(b"\\Deleted" in imaplib.ParseFlags(line) for line in after)
        kind, expunged = connection.expunge()
        assert kind == "OK"
        assert expunged in ([b"1", b"1"], [b"2", b"1"])
        assert connection.search(None, "ALL") == ("OK", [b"1"])
