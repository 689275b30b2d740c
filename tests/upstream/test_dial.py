"""Dialling with real sockets: whom we believe, and what is said of those we do not."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import CancelledError, Deferred

from imapproxy.upstream.address import Address
from imapproxy.upstream.client import ImapClient
from imapproxy.upstream.dial import DialObserver, Upstream, dial
from imapproxy.upstream.errors import (
    CertificateRefused,
    TlsRefused,
    TurnedAway,
    Unreachable,
    UpstreamError,
    UpstreamProtocolError,
)
from imapproxy.upstream.tls import (
    OnlyALook,
    UpstreamTls,
    format_pin,
    load_ca_file,
    parse_pin,
    peer_certificate,
)
from tests.deadline import in_reactor, soon
from tests.upstream import certificates
from tests.upstream.server import Server, Session, polite, silent, with_starttls


class Network:
    """The servers of one test, and the way to them."""

    def __init__(self) -> None:
        self._servers: list[Server] = []

    async def serve(self, server: Server, *, ipv6: bool = False) -> Server:
        await server.listen(reactor, ipv6=ipv6)
        self._servers.append(server)
        return server

    def upstream(
        self,
        server: Server,
        scheme: str = "imaps",
        host: str = "localhost",
        *,
        trusted=(),
        pins=(),
        timeout: float = 10.0,
    ) -> Upstream:
        authorities = list(trusted) or [certificates.authority()]
        tls = UpstreamTls(host, authorities, pins)
        return Upstream(Address(scheme, host, server.port), tls, timeout)

    async def stop(self) -> None:
        for server in self._servers:
            await server.stop()


@pytest_twisted.async_yield_fixture
async def network() -> AsyncIterator[Network]:
    network = Network()
    yield network
    await soon(network.stop())


def good() -> certificates.Identity:
    return certificates.issued("localhost", "127.0.0.1", "::1")


async def refused(upstream: Upstream, kind: type[UpstreamError] = TlsRefused) -> UpstreamError:
    """The error with which a dial ends, and nothing else than that."""
    try:
        client = await dial(reactor, upstream)
    except kind as error:
        assert type(error) is kind
        return error
    await leave(client)
    raise AssertionError("it was believed")


async def leave(client: ImapClient) -> None:
    lost = client.connection.when_lost()
    client.connection.abort()
    await lost


class TestImplicitTls:
    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
    @in_reactor
    async def test_a_good_certificate(self, network, host):
        server = await network.serve(Server(tls=good().server_tls()), ipv6=host == "::1")
        client = await dial(reactor, network.upstream(server, host=host))
        assert list(client.capabilities) == ["IMAP4rev1"]
        assert not client.preauthenticated
        await client.noop()
        await client.logout()
        await server.no_client_left()

    @in_reactor
    async def test_a_preauth_greeting_is_told(self, network):
        server = await network.serve(Server(b"* PREAUTH hi\r\n", tls=good().server_tls()))
        client = await dial(reactor, network.upstream(server))
        assert client.preauthenticated
        await leave(client)

    @pytest.mark.parametrize(
        ("identity", "sentence", "advice"),
        [
            (certificates.expired, "the certificate has expired", "clock"),
            (certificates.not_yet_valid, "the certificate is not valid yet", "clocks"),
            (certificates.self_signed, "the certificate is self-signed", "--ca-file"),
            (
                lambda: certificates.issued("localhost", by=certificates.OTHER_AUTHORITY),
                "issued by an authority that is not trusted here",
                "--ca-file",
            ),
            (
                lambda: certificates.issued("imap.example.com", "192.0.2.1"),
                "the certificate is not for localhost",
                "the name",
            ),
        ],
    )
    @pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
    @in_reactor
    async def test_a_bad_certificate(self, network, scheme, identity, sentence, advice):
        tls = identity().server_tls()
        server = await network.serve(
            Server(tls=tls) if scheme == "imaps" else Server(answer=with_starttls(tls))
        )
        error = await refused(network.upstream(server, scheme), CertificateRefused)
        assert sentence in str(error)
        assert str(server.port) in str(error)
        assert advice in error.advice
        await server.no_client_left()

    @in_reactor
    async def test_a_certificate_for_another_address(self, network):
        identity = certificates.issued("localhost", "127.0.0.2")
        server = await network.serve(Server(tls=identity.server_tls()))
        error = await refused(network.upstream(server, host="127.0.0.1"), CertificateRefused)
        assert "the certificate is not for 127.0.0.1" in str(error)

    @in_reactor
    async def test_the_mend_for_a_self_signed_certificate_mends_it(self, network, tmp_path: Path):
        identity = certificates.self_signed()
        server = await network.serve(Server(tls=identity.server_tls()))
        (tmp_path / "ca.pem").write_bytes(b"some words\n" + identity.certificate)
        trusted = load_ca_file(tmp_path / "ca.pem")
        await leave(await dial(reactor, network.upstream(server, trusted=trusted)))

    @in_reactor
    async def test_a_right_pin(self, network):
        pin = parse_pin(format_pin(good().pin))
        server = await network.serve(Server(tls=good().server_tls()))
        await leave(await dial(reactor, network.upstream(server, pins=[b"\0" * 32, pin])))

    @in_reactor
    async def test_a_wrong_pin(self, network):
        server = await network.serve(Server(tls=good().server_tls()))
        error = await refused(network.upstream(server, pins=[b"\0" * 32]), CertificateRefused)
        assert error.certificate == good().x509
        told = format_pin(good().pin)
        assert f"the key of the certificate is {told}" in str(error)
        assert "change the pin" in error.advice

    @in_reactor
    async def test_a_right_pin_does_not_make_a_bad_certificate_good(self, network):
        identity = certificates.expired()
        server = await network.serve(Server(tls=identity.server_tls()))
        upstream = network.upstream(server, pins=[identity.pin])
        assert "expired" in str(await refused(upstream, CertificateRefused))

    @pytest.mark.parametrize("identity", [certificates.expired, good])
    @pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
    @in_reactor
    async def test_a_look_shows_the_certificate_and_believes_none(self, network, scheme, identity):
        shown = identity()
        tls = shown.server_tls()
        server = await network.serve(
            Server(tls=tls) if scheme == "imaps" else Server(answer=with_starttls(tls))
        )
        upstream = replace(network.upstream(server, scheme), tls=OnlyALook("localhost"))
        error = await refused(upstream, CertificateRefused)
        assert error.certificate == shown.x509
        await server.no_client_left()
        # Not a word over TLS.
        assert server.sessions[0].received.count(b"\r\n") == (scheme != "imaps")

    @pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
    @in_reactor
    async def test_old_versions_of_tls_are_refused(self, network, scheme):
        tls = good().old_tls()
        server = await network.serve(
            Server(tls=tls) if scheme == "imaps" else Server(answer=with_starttls(tls))
        )
        error = await refused(network.upstream(server, scheme))
        assert "TLS handshake failed" in str(error)
        assert "TLS 1.2" in error.advice

    @in_reactor
    async def test_a_port_that_speaks_plaintext(self, network):
        server = await network.serve(Server())
        error = await refused(network.upstream(server))
        assert "TLS handshake failed" in str(error)
        assert "check the port" in error.advice

    @pytest.mark.parametrize("tls", [True, False])
    @in_reactor
    async def test_a_server_that_hangs_up(self, network, tls):
        server = await network.serve(Server(None, tls=good().server_tls() if tls else None))
        try:
            await dial(reactor, network.upstream(server))
        except Unreachable as error:
            assert "localhost" in str(error)
        else:
            raise AssertionError

    @in_reactor
    async def test_nobody_listens(self, network):
        server = await network.serve(Server())
        upstream = network.upstream(server)
        await server.stop()
        error = await refused(upstream, Unreachable)
        assert f"refuses connections on port {upstream.address.port}" in str(error)
        assert "993" in error.advice

    @in_reactor
    async def test_a_name_that_is_not_known(self, network):
        server = await network.serve(Server())
        upstream = network.upstream(server, host="no-such-host.invalid")
        error = await refused(upstream, Unreachable)
        assert "no-such-host.invalid is not known" in str(error)
        assert "spelling" in error.advice


class TestGreeting:
    @pytest.mark.parametrize(
        ("greeting", "kind", "sentence"),
        [
            (b"* BYE go \x1b[31maway\r\n", TurnedAway, r"turned us away: go \x1b[31maway"),
            (b"220 mail ESMTP\r\n", UpstreamProtocolError, "is no IMAP server"),
            (b"* NO way\r\n", UpstreamProtocolError, "is no IMAP server"),
            (b"* 4 EXISTS\r\n", UpstreamProtocolError, "is no IMAP server"),
            (b"\r\n", UpstreamProtocolError, "is no IMAP server"),
            (b"\xff\xfe\x00\r\n", UpstreamProtocolError, "is no IMAP server"),
            (b"+ OK\r\n", UpstreamProtocolError, "is no IMAP server"),
            (b"* LIST {5}\r\nhello\r\n", UpstreamProtocolError, "is no IMAP server"),
        ],
    )
    @in_reactor
    async def test_other_than_ok(self, network, greeting, kind, sentence):
        server = await network.serve(Server(greeting, tls=good().server_tls()))
        assert sentence in str(await refused(network.upstream(server), kind))
        await server.no_client_left()

    @pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
    @in_reactor
    async def test_a_silent_server(self, network, scheme):
        tls = good().server_tls() if scheme == "imaps" else None
        server = await network.serve(Server(b"", answer=silent, tls=tls))
        error = await refused(network.upstream(server, scheme, timeout=0.1), Unreachable)
        assert "did not answer within 0.1 seconds" in str(error)
        assert "firewall" in error.advice
        await server.no_client_left()

    @in_reactor
    async def test_a_server_that_is_silent_in_the_handshake(self, network):
        server = await network.serve(Server(b"", answer=silent))
        error = await refused(network.upstream(server, timeout=0.1), Unreachable)
        assert "did not answer" in str(error)
        await server.no_client_left()


class TestStartTls:
    @in_reactor
    async def test_what_was_told_before_is_forgotten(self, network):
        greeting = b"* OK [CAPABILITY IMAP4rev1 STARTTLS EVIL] hello\r\n* OK [ALERT] call me\r\n"
        server = await network.serve(
            Server(greeting, with_starttls(good().server_tls(), reply=b"OK [CAPABILITY EVIL] go"))
        )
        client = await dial(reactor, network.upstream(server, "imap+starttls"))
        assert list(client.capabilities) == ["IMAP4rev1", "SECURE"]
        assert server.sessions[0].received.split()[1].startswith(b"STARTTLS")
        assert (await client.noop()).untagged == ()
        await client.logout()

    @pytest.mark.parametrize("reply", [b"OK", b"ok begin", b"OK "])
    @in_reactor
    async def test_an_ok_without_words(self, network, reply):
        server = await network.serve(Server(answer=with_starttls(good().server_tls(), reply=reply)))
        client = await dial(reactor, network.upstream(server, "imap+starttls"))
        await leave(client)

    @pytest.mark.parametrize(
        "behind",
        [b"P2 OK hello\r\n", b"* CAPABILITY EVIL\r\n", b"x", b"\r\n", b"* 1 FETCH (X {100}\r\n"],
    )
    @in_reactor
    async def test_plaintext_behind_the_reply_is_fatal(self, network, behind):
        server = await network.serve(
            Server(answer=with_starttls(good().server_tls(), behind=behind))
        )
        error = await refused(network.upstream(server, "imap+starttls"), UpstreamProtocolError)
        assert "somebody may be tampering" in str(error)
        await server.no_client_left()
        assert server.sessions[0].received.split(b" ")[1:] == [b"STARTTLS\r\n"]

    @pytest.mark.parametrize("reply", [b"NO [ALERT] call mallory", b"BAD ask mallory"])
    @in_reactor
    async def test_stripped_or_refused_it_fails_closed(self, network, reply):
        def answer(session: Session, tag: bytes, command: bytes) -> None:
            session.say(tag + b" " + reply)

        server = await network.serve(Server(b"* OK [CAPABILITY IMAP4rev1] hi\r\n", answer))
        error = await refused(network.upstream(server, "imap+starttls"))
        assert "does not offer STARTTLS" in str(error)
        assert "imaps://" in error.advice
        assert "mallory" not in str(error) + error.advice  # anybody on the way may have said it
        await server.no_client_left()
        assert server.sessions[0].received.split(b" ")[1:] == [b"STARTTLS\r\n"]

    @in_reactor
    async def test_an_answer_that_comes_before_the_question(self, network):
        greeting = b"* OK hello\r\nP1 OK begin\r\nP.1 OK begin\r\n+ go on\r\n"
        server = await network.serve(Server(greeting, silent))
        upstream = network.upstream(server, "imap+starttls", timeout=0.1)
        assert "did not answer" in str(await refused(upstream, Unreachable))

    @in_reactor
    async def test_preauth_before_tls_is_refused(self, network):
        server = await network.serve(Server(b"* PREAUTH hi\r\n"))
        error = await refused(network.upstream(server, "imap+starttls"))
        assert "PREAUTH before TLS" in str(error)
        await server.no_client_left()
        assert server.sessions[0].received == b""

    @in_reactor
    async def test_a_bye_before_tls_is_not_quoted(self, network):
        server = await network.serve(Server(b"* BYE call +1 mallory\r\n"))
        error = await refused(network.upstream(server, "imap+starttls"), TurnedAway)
        assert "turned us away before TLS" in str(error)
        assert error.text == b""
        assert "mallory" not in str(error)

    @in_reactor
    async def test_a_server_that_goes_on_in_plaintext(self, network):
        def answer(session: Session, tag: bytes, command: bytes) -> None:
            polite(session, tag, command)
            session.dataReceived = lambda data: session.say(b"* BAD what?")

        server = await network.serve(Server(answer=answer))
        error = await refused(network.upstream(server, "imap+starttls"))
        assert "TLS handshake failed" in str(error)


class TestCancelling:
    @pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
    @in_reactor
    async def test_it_leaves_no_connection_behind(self, network, scheme):
        server = await network.serve(Server(b"", silent))
        dialling = Deferred.fromCoroutine(dial(reactor, network.upstream(server, scheme)))
        await server.connected
        dialling.cancel()
        with pytest.raises(CancelledError):
            await dialling
        await server.no_client_left()

    @in_reactor
    async def test_before_it_is_connected(self, network):
        server = await network.serve(Server(b"", silent))
        dialling = Deferred.fromCoroutine(dial(reactor, network.upstream(server)))
        dialling.cancel()
        with pytest.raises(CancelledError):
            await dialling
        assert not server.sessions


class TestObserver:
    @in_reactor
    async def test_it_is_told_each_step(self, network):
        steps = []

        class Observer(DialObserver):
            def connected(self, peer):
                steps.append(peer)

            def secured(self, session, handshake):
                steps.append(session.version())
                assert peer_certificate(session) == good().x509

            def greeted(self, greeting):
                steps.append(greeting)

        server = await network.serve(Server(tls=good().server_tls()))
        await leave(await dial(reactor, network.upstream(server), Observer()))
        assert steps == [
            f"127.0.0.1 port {server.port}",
            "TLSv1.3",
            b"* OK [CAPABILITY IMAP4rev1] hello\r\n",
        ]
