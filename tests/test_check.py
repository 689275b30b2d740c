"""``imapproxy check``: each thing that can be wrong is told by its own sentence."""

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251

from imapproxy.check import check_upstream
from imapproxy.upstream.address import parse_address
from imapproxy.upstream.dial import Upstream
from imapproxy.upstream.tls import UpstreamTls, format_pin
from tests.deadline import in_reactor, soon
from tests.logged_errors import logged_errors
from tests.upstream import certificates
from tests.upstream.server import Server, Session, polite, silent

__all__ = ["logged_errors"]


class Checking:
    """Servers, and what is said of them."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._servers: list[Server] = []

    async def serve(self, server: Server) -> str:
        await server.listen(reactor)
        self._servers.append(server)
        return f"imaps://localhost:{server.port}"

    async def check(
        self, url: str, *, user=None, password="opensesame-7391", timeout=60.0
    ) -> tuple[int, str]:
        address = parse_address(url)
        upstream = Upstream(address, UpstreamTls(address.host, [certificates.authority()]), timeout)
        code = await check_upstream(reactor, upstream, user, password if user else None)
        said = self._capsys.readouterr()
        assert said.err == ""
        assert password not in said.out
        return code, said.out

    async def fails(self, url: str, step: str, **options) -> tuple[str, str]:
        """The line that tells what failed, and the one with the mend."""
        code, said = await self.check(url, **options)
        assert code == 2
        *_, line, advice = said.splitlines()
        assert line.startswith("FAILED")
        assert line.split()[1] == step
        assert advice.strip().startswith("what to do: ")
        return line, advice

    async def close(self) -> None:
        for server in self._servers:
            await server.stop()


@pytest_twisted.async_yield_fixture
async def checking(capsys):
    checking = Checking(capsys)
    yield checking
    await soon(checking.close())


def good_tls():
    return certificates.issued("localhost").server_tls()


@in_reactor
async def test_all_is_well_without_a_user(checking):
    code, said = await checking.check(await checking.serve(Server(tls=good_tls())))
    assert code == 0
    assert "chain, host name and dates were verified" in said
    assert "log-in not tried" in said


@in_reactor
async def test_a_certificate_that_expires_soon(checking):
    from datetime import UTC, datetime, timedelta

    soon_over = datetime.now(UTC) + timedelta(days=3, hours=1)
    identity = certificates.issued("localhost", not_after=soon_over)
    code, said = await checking.check(await checking.serve(Server(tls=identity.server_tls())))
    assert code == 0
    assert "(3 days left: renew it soon)" in said


@pytest.mark.parametrize(
    ("identity", "fault", "mend"),
    [
        (certificates.expired, "has expired", "clock"),
        (certificates.not_yet_valid, "is not valid yet", "clocks"),
        (certificates.self_signed, "is self-signed", "--ca-file"),
        (lambda: certificates.issued("other.example"), "is not for localhost", "use the name"),
        (
            lambda: certificates.issued("localhost", by=certificates.OTHER_AUTHORITY),
            "an authority that is not trusted",
            "--ca-file",
        ),
    ],
)
@in_reactor
async def test_a_bad_certificate(checking, identity, fault, mend):
    shown = identity()
    url = await checking.serve(Server(tls=shown.server_tls()))
    line, advice = await checking.fails(url, "connection")
    assert fault in line
    assert mend in advice
    _, said = await checking.check(url)
    assert format_pin(shown.pin) in said
    assert ("(expired " in said) == (identity is certificates.expired)


@in_reactor
async def test_a_port_that_speaks_plaintext(checking):
    line, advice = await checking.fails(await checking.serve(Server()), "connection")
    assert "TLS handshake failed" in line
    assert "check the port" in advice


@in_reactor
async def test_nobody_listens(checking):
    server = Server()
    url = await checking.serve(server)
    await server.stop()
    line, advice = await checking.fails(url, "connection")
    assert "refuses connections" in line
    assert "993" in advice


@in_reactor
async def test_a_name_that_is_not_known(checking):
    line, advice = await checking.fails("imaps://no-such-host.invalid", "name")
    assert "no-such-host.invalid is not known" in line
    assert "spelling" in advice


@pytest.mark.parametrize("greeting", [b"", b"* OK hello\r\n"])
@in_reactor
async def test_a_silent_server(checking, greeting):
    url = await checking.serve(Server(greeting, silent, good_tls()))
    step = "IMAP" if greeting else "connection"
    line, _ = await checking.fails(url, step, timeout=0.2)
    assert "within 0.2 seconds" in line


@in_reactor
async def test_a_wrong_password_and_a_server_that_plays_with_the_terminal(checking):
    def answer(session: Session, tag: bytes, command: bytes) -> None:
        session.say(tag + b" NO [AUTHENTICATIONFAILED] \x1b[2Jwrong\rok")

    greeting = b"* OK [CAPABILITY IMAP4rev1 X\x1b[1m] hi\x1b[31m\x9b\r\n"
    url = await checking.serve(Server(greeting, answer, good_tls()))
    line, advice = await checking.fails(url, "log-in", user="x", password="opensesame")
    assert r"NO [AUTHENTICATIONFAILED] \x1b[2Jwrong\rok" in line
    assert "app password" in advice


@in_reactor
async def test_no_output_holds_what_the_server_could_move_the_cursor_with(checking):
    greeting = b"* OK [CAPABILITY IMAP4rev1 X\x1b[1m] hi\x1b[31m\rFAILED\r\n"
    code, said = await checking.check(await checking.serve(Server(greeting, polite, good_tls())))
    assert code == 0
    assert "\x1b" not in said
    assert "\r" not in said


@in_reactor
async def test_no_way_to_log_in(checking):
    greeting = b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2] hi\r\n"
    url = await checking.serve(Server(greeting, tls=good_tls()))
    code, said = await checking.check(url, user="x")
    assert code == 2
    assert "does not offer LOGIN, AUTH=PLAIN or AUTH=LOGIN (mechanisms: XOAUTH2)" in said
