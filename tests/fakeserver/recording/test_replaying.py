"""Recorded from one server, replayed by another, with a client that notices no difference."""

import imaplib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakeserver.conversation import parse_conversations
from fakeserver.reactor_thread import reactor_thread
from fakeserver.record import Recorder, Upstream, UpstreamMistake
from fakeserver.replay import ReplayServer
from fakeserver.threaded import ThreadedServer

MAIL = b"From: jane@example.com\r\nSubject: x\r\n\r\nhello\r\n"


def session(client: imaplib.IMAP4, user: str = "demo") -> list[object]:
    with client:
        return [
            client.login(user, "pw"),
            client.append("INBOX", r"(\Seen)", None, MAIL),
            client.select(),
            client.fetch("1", "(FLAGS BODY[])"),
            client.search(None, "ALL"),
        ]


@pytest.fixture
def replay() -> Iterator[object]:
    servers = []

    def start(text: str) -> ReplayServer:
        thread = reactor_thread()
        server = ReplayServer(thread.reactor, parse_conversations(text))
        thread.wait(server.start)
        servers.append(server)
        return server

    yield start
    for server in servers:
        reactor_thread().wait(server.stop)


def test_the_transcript(imap_server: ThreadedServer, replay: type[ReplayServer]) -> None:
    before = session(imaplib.IMAP4(imap_server.host, imap_server.port))
    server = replay(imap_server.transcript())  # type: ignore[call-arg, arg-type]
    assert session(imaplib.IMAP4("127.0.0.1", server.port)) == before
    context = ssl.create_default_context(cafile=str(server.ca_file))
    again = imaplib.IMAP4_SSL("localhost", server.tls_port, ssl_context=context)
    assert session(again, "somebody-else") == before
    assert server.mismatches == []


def test_another_client(imap_server: ThreadedServer, replay: type[ReplayServer]) -> None:
    session(imaplib.IMAP4(imap_server.host, imap_server.port))
    server = replay(imap_server.transcript())  # type: ignore[call-arg, arg-type]
    client = imaplib.IMAP4("127.0.0.1", server.port)
    with pytest.raises(imaplib.IMAP4.abort, match="Not in the script"):
        client.noop()
    assert "was to say b'" in server.mismatches[0]
    client.shutdown()


def test_starttls(imap_server: ThreadedServer, replay: type[ReplayServer]) -> None:
    def connect(port: int, ca_file: str) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", port)
        client.starttls(ssl.create_default_context(cafile=ca_file))
        return client

    before = session(connect(imap_server.port, imap_server.ca_file))
    server = replay(imap_server.transcript())  # type: ignore[call-arg, arg-type]
    assert session(connect(server.port, str(server.ca_file))) == before


def test_recording(imap_server: ThreadedServer, replay: type[ReplayServer]) -> None:
    upstream = Upstream.from_url(
        f"imaps://localhost:{imap_server.tls_port}", Path(imap_server.ca_file)
    )
    thread = reactor_thread()
    recorder = Recorder(thread.reactor, upstream)
    thread.wait(recorder.start)
    recorded = session(imaplib.IMAP4("127.0.0.1", recorder.port))
    text = thread.call(recorder.text)
    thread.wait(recorder.stop)
    assert "jane@example.com" not in text
    assert "STARTTLS" not in text
    assert "LOGIN (hidden)" in text
    # The client of a replay has to say the same as the recording does.
    message = text[text.index("C: From: ") : text.index("C: hello")].replace("C: ", "")
    server = replay(text)  # type: ignore[call-arg, arg-type]
    with imaplib.IMAP4("127.0.0.1", server.port) as client:
        client.login("anybody", "at all")
        octets = message.replace("\n", "\r\n").encode() + b"hello\r\n"
        client.append("INBOX", r"(\Seen)", None, octets)
        assert client.select() == recorded[2]
        told = client.fetch("1", "(FLAGS BODY[])")
        assert told[1][0] is not None
        assert told[1][0][1] == octets
        assert client.search(None, "ALL") == recorded[4]


def test_a_server_that_is_not_trusted(imap_server: ThreadedServer) -> None:
    thread = reactor_thread()
    recorder = Recorder(thread.reactor, Upstream("localhost", imap_server.tls_port))
    thread.wait(recorder.start)
    with pytest.raises(imaplib.IMAP4.error, match="Cannot reach localhost"):
        imaplib.IMAP4("127.0.0.1", recorder.port)
    thread.wait(recorder.stop)


@pytest.mark.parametrize("url", ["pop://x", "imaps://", "imaps://x:0", "imaps://x:y"])
def test_no_upstream(url: str) -> None:
    with pytest.raises(UpstreamMistake, match="is not imaps://HOST"):
        Upstream.from_url(url)


def test_no_authority(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("x")
    with pytest.raises(UpstreamMistake, match="holds no PEM certificate"):
        Upstream.from_url("imaps://x", path)
