"""How the proxy reaches Dovecot: STARTTLS, what it refuses to call secure, and losing it."""

import signal
from pathlib import Path

import pytest
import trustme

from tests.real.dovecot import Dovecot
from tests.real.programs import Program, python_environment, python_module
from tests.real.proxy import Proxy
from tests.real.raw import RawClient, octets_of


def log_in(dovecot: Dovecot) -> bytes:
    account = dovecot.account("tls")
    return f"LOGIN {account.user} {account.password}".encode()


def test_starttls(dovecot: Dovecot) -> None:
    with (
        Proxy(dovecot.upstream_starttls, dovecot.ca_file) as proxy,
        RawClient(proxy.port) as client,
    ):
        client.ok(log_in(dovecot))
        client.ok(b"SELECT INBOX")
        assert b"STARTTLS" not in octets_of(client.ok(b"CAPABILITY"))


@pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
def test_a_certificate_of_another_authority_is_refused(
    dovecot: Dovecot, tmp_path: Path, scheme: str
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    port = dovecot.imaps_port if scheme == "imaps" else dovecot.imap_port
    with Proxy(f"{scheme}://localhost:{port}", other) as proxy, RawClient(proxy.port) as client:
        answer = octets_of(client.command(log_in(dovecot)))
        assert answer.startswith(b"t NO [UNAVAILABLE]")
        assert b"certificate" in answer.lower()


@pytest.mark.usefixtures("dovecot")
def test_a_certificate_for_another_name_is_refused() -> None:
    with (
        Dovecot(names=["imap.example.net"]) as other,
        Proxy(other.upstream, other.ca_file) as proxy,
        RawClient(proxy.port) as client,
    ):
        answer = octets_of(client.command(log_in(other)))
        assert answer.startswith(b"t NO [UNAVAILABLE]")
        assert b"certificate" in answer.lower()


def test_a_plaintext_port_is_not_taken_for_tls(dovecot: Dovecot) -> None:
    with (
        Proxy(f"imaps://localhost:{dovecot.imap_port}", dovecot.ca_file) as proxy,
        RawClient(proxy.port) as client,
    ):
        assert octets_of(client.command(log_in(dovecot))).startswith(b"t NO [UNAVAILABLE]")


def test_nothing_is_sent_in_plaintext_by_default(dovecot: Dovecot) -> None:
    program = Program(
        python_module("imapproxy", "run", "--upstream", f"imap://localhost:{dovecot.imap_port}"),
        environment=python_environment(),
    )
    with program:
        assert program.wait() == 2, program.describe()
        assert "Traceback" not in program.output("stderr")


def test_sigterm_says_bye_to_the_sessions(dovecot: Dovecot) -> None:
    with Proxy(dovecot.upstream, dovecot.ca_file) as proxy:
        with RawClient(proxy.port) as idle, RawClient(proxy.port) as not_logged_in:
            idle.ok(log_in(dovecot))
            idle.ok(b"SELECT INBOX")
            idle.send(b"t IDLE\r\n")
            idle.read_until(lambda response: response.first_word == b"+")
            proxy.program.signal(signal.SIGTERM)
            for client in (idle, not_logged_in):
                assert client.read_to_end().startswith(b"* BYE ")
        assert proxy.program.wait() == 0, proxy.program.describe()
        proxy.assert_no_complaint()


def test_the_server_s_process_dies(dovecot: Dovecot, proxy: Proxy) -> None:
    account = dovecot.account("killed")
    log_in = f"LOGIN {account.user} {account.password}".encode()
    with RawClient(proxy.port) as client:
        client.ok(log_in)
        client.ok(b"SELECT INBOX")
        dovecot.kill_session(account)
        client.ok(b"NOOP")  # the proxy has logged in again, and nothing has changed
    with RawClient(proxy.port) as client:
        client.ok(log_in)


@pytest.mark.usefixtures("dovecot")
def test_the_server_is_not_there() -> None:
    with Dovecot() as gone:
        command = log_in(gone)
        with Proxy(gone.upstream, gone.ca_file) as proxy, RawClient(proxy.port) as client:
            gone.stop()
            assert octets_of(client.command(command)).startswith(b"t NO [UNAVAILABLE]")
