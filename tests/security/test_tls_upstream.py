"""The way to the server: somebody sits on it, or answers in its place."""

from typing import Any

import pytest
from twisted.internet import reactor  # noqa: TID251

from imapproxy.upstream.tls import format_pin
from tests.deadline import in_reactor
from tests.house import House, port
from tests.shell import Shell
from tests.socket_client import Client, connect
from tests.upstream import certificates
from tests.upstream.server import Server, Session, polite, with_starttls

_PASSWORD = b"opensesame-7391"


def good() -> certificates.Identity:
    return certificates.issued("localhost")


def strangers_pin() -> tuple[str, ...]:
    return (format_pin(certificates.self_signed("other.example").pin),)


def serving(tls: Any, scheme: str) -> Server:
    """A server with TLS from the start or behind STARTTLS."""
    return Server(tls=tls) if scheme == "imaps" else Server(answer=with_starttls(tls))


async def asked(house: House, server: Server, scheme: str, *pins: str) -> tuple[Client, bytes]:
    """A client that tries to log in through such a server, and what it is told."""
    await house.add_upstream("one", server, scheme, pins)
    service = await house.start(house.listener("one"))
    client = await connect(reactor, port(service))
    return client, await client.ask(b"LOGIN demo " + _PASSWORD)


def nobody_heard_the_password(server: Server) -> bool:
    return not any(_PASSWORD in session.received for session in server.sessions)


BAD_CERTIFICATES = [
    (certificates.expired, (), "the certificate has expired"),
    (certificates.not_yet_valid, (), "the certificate is not valid yet"),
    (certificates.self_signed, (), "the certificate is self-signed"),
    (
        lambda: certificates.issued("other.example"),
        (),
        "the certificate is not for localhost",
    ),
    (
        lambda: certificates.issued("localhost", by=certificates.OTHER_AUTHORITY),
        (),
        "the certificate was issued by an authority that is not trusted here",
    ),
    (good, strangers_pin, "which is none of the pinned ones"),
]


@pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
@pytest.mark.parametrize(("identity", "pins", "sentence"), BAD_CERTIFICATES)
@in_reactor
async def test_a_bad_certificate(house, scheme, identity, pins, sentence):
    server = serving(identity().server_tls(), scheme)
    _, told = await asked(house, server, scheme, *(pins() if pins else ()))
    assert told.startswith(b"t NO [UNAVAILABLE] ")
    assert sentence in told.decode()
    assert nobody_heard_the_password(server)


@pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
@pytest.mark.parametrize(("identity", "pins", "sentence"), BAD_CERTIFICATES)
@in_reactor
async def test_check_says_what_is_wrong_and_what_to_do(
    shell: Shell, scheme, identity, pins, sentence
):
    server = serving(identity().server_tls(), scheme)
    await shell.serve(server)
    options = [option for pin in (pins() if pins else ()) for option in ("--pin", pin)]
    ended = await shell.run(
        *("check", f"{scheme}://localhost:{server.port}", "--ca-file", "ca.pem"),
        *("--user", "demo", "--password-stdin", *options),
        stdin=_PASSWORD + b"\n",
    )
    assert (ended.code, ended.err) == (2, "")
    *_, line, advice = ended.out.splitlines()
    assert line.startswith("FAILED  connection")
    assert sentence in line
    assert advice.strip().startswith("what to do: ")
    assert _PASSWORD.decode() not in ended.out
    assert nobody_heard_the_password(server)


@pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
@in_reactor
async def test_a_server_that_knows_old_tls_alone(house, scheme):
    server = serving(good().old_tls(), scheme)
    _, told = await asked(house, server, scheme)
    assert b"t NO [UNAVAILABLE] " in told
    assert b"TLS handshake failed" in told
    assert nobody_heard_the_password(server)


@pytest.mark.parametrize(
    "behind",
    [
        b"* CAPABILITY IMAP4rev1 AUTH=X-EVIL\r\n",
        b"* OK [ALERT] send your password to evil.example\r\n",
        b"P1 OK [CAPABILITY IMAP4rev1 AUTH=X-EVIL] hello\r\n",
        b"* PREAUTH hello\r\n",
        b"x",
        b"\r\n",
    ],
)
@in_reactor
async def test_responses_injected_behind_starttls(house, behind):
    server = Server(answer=with_starttls(good().server_tls(), behind=behind))
    client, told = await asked(house, server, "imap+starttls")
    assert told.startswith(b"t NO [UNAVAILABLE] ")
    assert b"tampering" in told
    assert b"evil" not in (told + client.heard).lower()
    assert nobody_heard_the_password(server)


@pytest.mark.parametrize("reply", [b"NO not today", b"BAD what?", b"BYE", b"OKAY", b"PREAUTH"])
@in_reactor
async def test_starttls_that_is_stripped(house, reply):
    def answer(session: Session, tag: bytes, command: bytes) -> None:
        session.say(tag + b" " + reply) if command == b"STARTTLS" else polite(session, tag, command)

    server = Server(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n", answer)
    _, told = await asked(house, server, "imap+starttls")
    assert told.startswith(b"t NO [UNAVAILABLE] ")
    assert nobody_heard_the_password(server)
    for session in server.sessions:
        assert session.received.count(b"\r\n") == 1
        assert session.received.endswith(b" STARTTLS\r\n"), "nothing else is said in plaintext"


@pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
@in_reactor
async def test_preauth(house, scheme):
    server = serving(good().server_tls(), scheme)
    server.greeting = b"* PREAUTH welcome, mallory\r\n"
    client, told = await asked(house, server, scheme)
    assert told.startswith(b"t NO [UNAVAILABLE] ")
    assert b"mallory" not in told + client.heard
    assert nobody_heard_the_password(server)


@in_reactor
async def test_what_was_said_before_tls_is_forgotten(house):
    """Greeting, capabilities and alerts of the plaintext part may be anybody's."""

    def answer(session: Session, tag: bytes, command: bytes) -> None:
        if command == b"STARTTLS":
            session.say(b"* OK [ALERT] call evil.example", b"* CAPABILITY IMAP4rev1 X-EVIL")
            session.say(tag + b" OK [CAPABILITY IMAP4rev1 X-EVIL LOGINDISABLED] begin")
            session.transport.startTLS(good().server_tls())
        else:
            polite(session, tag, command)

    greeting = b"* OK [CAPABILITY IMAP4rev1 X-EVIL LOGINDISABLED] evil.example\r\n"
    server = Server(greeting, answer)
    client, told = await asked(house, server, "imap+starttls")
    told += await client.ask(b"CAPABILITY")
    assert b"t OK " in told
    assert b"evil" not in told.lower()
    # Nor is it told to those that have not logged in yet.
    other = await connect(reactor, client.transport.getPeer().port)
    assert b"evil" not in (await other.ask(b"CAPABILITY")).lower()


@in_reactor
async def test_a_server_that_goes_on_in_plaintext(house):
    def answer(session: Session, tag: bytes, command: bytes) -> None:
        def go_on(data: bytes) -> None:
            session.received += data
            session.say(b"* OK hello", b"* CAPABILITY IMAP4rev1")

        session.say(tag + b" OK begin")
        session.dataReceived = go_on  # the handshake, too

    server = Server(answer=answer)
    await house.add_upstream("one", server, "imap+starttls")
    service = await house.start(house.listener("one"))
    client = await connect(reactor, port(service))
    told = await client.ask(b"LOGIN demo " + _PASSWORD)
    assert told.startswith(b"t NO [UNAVAILABLE] ")
    assert b"TLS" in told
    assert nobody_heard_the_password(server)
