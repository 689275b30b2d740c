"""Mail that is sent to the server arrives."""

import smtplib
from collections.abc import Iterator

import pytest

from fakeserver.smtp import SmtpFactory
from fakeserver.threaded import ThreadedServer

MAIL = "From: a@example.org\r\nSubject: x\r\n\r\n.hello\r\n..\r\n \xe9\r\n".encode("latin-1")


@pytest.fixture
def port() -> Iterator[tuple[ThreadedServer, int]]:
    with ThreadedServer("ann@example.org") as server:
        server.add_account("bob")
        thread = server._thread
        factory = SmtpFactory(server._server, thread.reactor)
        thread.wait(server._server.listen, "smtp", ("127.0.0.1", 0), factory)
        yield server, thread.call(server._server.port_of, "smtp")


def test_it_arrives(port: tuple[ThreadedServer, int]) -> None:
    server, number = port
    with smtplib.SMTP("127.0.0.1", number) as client:
        client.sendmail("a@example.org", ["ann@example.org", "BOB+tag@example.net"], MAIL)
    assert [mail.octets for mail in server.messages()] == [MAIL]
    bob = server.call(lambda fake: fake.mailbox("INBOX", "bob").messages[0].content.octets)
    assert bob == MAIL


def test_nobody_of_that_name(port: tuple[ThreadedServer, int]) -> None:
    server, number = port
    with (
        smtplib.SMTP("127.0.0.1", number) as client,
        pytest.raises(smtplib.SMTPRecipientsRefused),
    ):
        client.sendmail("a@example.org", ["nobody@example.org"], MAIL)
    assert server.messages() == []
