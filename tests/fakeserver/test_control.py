"""The control interface, as a program in any language uses it."""

import base64
import http.client
import imaplib
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fakeserver.control import Control
from fakeserver.control_http import control_site, is_loopback
from fakeserver.threaded import ThreadedServer

MAIL = "Subject: x\n\nhello\n"


class Client:
    def __init__(self, server: ThreadedServer, port: int) -> None:
        self.server = server
        self.port = port

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        text = None if body is None else body if isinstance(body, str) else json.dumps(body)
        connection.request(method, path, text, headers)
        response = connection.getresponse()
        told = json.loads(response.read())
        connection.close()
        return response.status, told

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        status, told = self.ask(method, path, body)
        assert status == 200, told
        return told


@pytest.fixture
def control() -> Iterator[Client]:
    with ThreadedServer() as server:
        thread, fake = server._thread, server._server
        site = control_site(Control(fake, server.snapshot()), thread.reactor)
        thread.wait(fake.listen, "control", ("127.0.0.1", 0), site)
        yield Client(server, thread.call(fake.port_of, "control"))


def log_in(server: ThreadedServer) -> imaplib.IMAP4:
    client = imaplib.IMAP4(server.host, server.port)
    client.login("demo", "pw")
    client.select()
    return client


def test_what_it_is(control: Client) -> None:
    told = control("GET", "/")
    assert told == {
        "imap": control.server.port,
        "imaps": control.server.tls_port,
        "ca_file": control.server.ca_file,
        "users": ["demo"],
    }


def test_seed_look_and_reset(control: Client) -> None:
    control("POST", "/accounts", {"user": "ann", "password": "x"})
    control("POST", "/mailboxes", {"user": "ann", "mailbox": "Été"})
    assert control("GET", "/mailboxes?user=ann") == ["INBOX", "Été"]
    octets = b"\xff\r\n"
    assert control("POST", "/messages", {"text": MAIL, "flags": ["\\Seen"]}) == {"uid": 1}
    encoded = base64.b64encode(octets).decode()
    moment = "2020-01-02T03:04:05+00:00"
    control("POST", "/messages", {"base64": encoded, "internal_date": moment})
    control("POST", "/flags", {"uid": 1, "flags": ["\\Flagged", "odd"]})
    first, second = control("GET", "/messages")
    assert (first["uid"], first["flags"]) == (1, ["\\Flagged", "odd"])
    assert base64.b64decode(first["base64"]) == MAIL.replace("\n", "\r\n").encode()
    assert (second["base64"], second["internal_date"]) == (encoded, moment)
    control("POST", "/expunge", {"uids": [1]})
    assert [one["uid"] for one in control("GET", "/messages?mailbox=INBOX")] == [2]
    assert control("POST", "/uid-validity", {})["uid_validity"] > 0
    control("POST", "/clock", {"moment": moment})
    control("POST", "/certificate", {"kind": "expired"})
    control("POST", "/reset")
    assert control("GET", "/messages") == []
    assert control("GET", "/")["users"] == ["demo"]


def test_faults_commands_transcript(control: Client) -> None:
    control("POST", "/faults", {"action": "reply", "condition": "NO", "command": "NOOP"})
    client = log_in(control.server)
    assert client.noop()[0] == "NO"
    control("POST", "/faults", {"action": "stall", "command": "NOOP", "times": "always"})
    control("DELETE", "/faults")
    assert client.noop()[0] == "OK"
    told = control("GET", "/commands?name=noop")
    assert [one["reply"] for one in told] == ["NO", "OK"]
    assert "LOGIN (hidden)" in control("GET", "/transcript")["text"]
    control("POST", "/disconnect")
    with pytest.raises(imaplib.IMAP4.abort):
        client.noop()
    client.shutdown()


def test_waiting(control: Client) -> None:
    client = log_in(control.server)
    answers: list[Any] = []
    waiting = threading.Thread(target=lambda: answers.append(control("GET", "/wait?name=CHECK")))
    waiting.start()
    client.check()
    waiting.join(10)
    assert [one["name"] for one in answers] == ["CHECK"]
    assert control("GET", "/wait?name=CHECK&count=1")["name"] == "CHECK"
    client.logout()


@pytest.mark.parametrize(
    ("method", "path", "body", "mistake"),
    [
        ("GET", "/nothing", None, "there is no GET /nothing; there are DELETE /faults,"),
        ("POST", "/messages", "{", "no JSON: "),
        ("POST", "/messages", [], "a request is a JSON object"),
        ("POST", "/messages", {}, "a message is given as text or as base64"),
        ("POST", "/messages", {"base64": "*"}, "Only base64 data is allowed"),
        ("POST", "/messages", {"txt": ""}, "Object contains unknown field `txt`"),
        ("POST", "/messages", {"text": "", "mailbox": "No"}, "Mailbox doesn't exist: No"),
        ("POST", "/flags", {"flags": []}, "Object missing required field `uid`"),
        ("POST", "/expunge", {"uids": [7]}, "no message with UID 7"),
        ("POST", "/faults", {"action": "?"}, "action: there is no '?'"),
        ("GET", "/messages?user=nobody", None, "there is no user nobody"),
    ],
)
def test_mistakes(control: Client, method: str, path: str, body: object, mistake: str) -> None:
    status, told = control.ask(method, path, body)
    assert status == 400
    assert told["error"].startswith(mistake)


@pytest.mark.parametrize("header", [{"Origin": "http://evil.example"}, {"Host": "evil.example:1"}])
def test_pages_in_a_browser_are_refused(control: Client, header: dict[str, str]) -> None:
    assert control.ask("POST", "/reset", None, **header)[0] == 403


def test_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "::1", "localhost", "127.9.9.9")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.0.2.1", "example.org")))
