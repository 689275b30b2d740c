"""Sessions one after the other through the proxy: Dovecot sees one log-in, no client sees that."""

import re
import signal
from pathlib import Path

import pytest

from tests.real.dovecot import Account, Dovecot, Message
from tests.real.proxy import Proxy, configured_proxy
from tests.real.raw import RawClient, octets_of

_TIMES = re.compile(rb" \(\d[^)]*secs\)")

SCRIPT = (
    b"FETCH 1 FLAGS",  # nothing is selected: BAD
    b"CAPABILITY",
    b"STATUS Drafts (MESSAGES UIDNEXT)",
    b"NAMESPACE",
    b"SELECT INBOX",
    b"FETCH 1:* (UID FLAGS)",
    b"STORE 1 +FLAGS (\\Flagged)",
    b"STORE 1 -FLAGS (\\Flagged)",
    b"SELECT Drafts",
    b"NOOP",
)


@pytest.fixture
def account(dovecot: Dovecot) -> Account:
    account = dovecot.account("pooled")
    account.seed(
        "INBOX", [Message(b"Subject: one\r\n\r\none\r\n"), Message(b"Subject: two\r\n\r\n")]
    )
    account.seed("Drafts")
    return account


def session(port: int, account: Account, *commands: bytes) -> list[bytes]:
    """Log in, say these, log out; what was heard to each, without Dovecot's timings."""
    log_in = f"LOGIN {account.user} {account.password}".encode()
    with RawClient(port) as client:
        heard = [
            _TIMES.sub(b"", octets_of(client.command(command)))
            for command in (log_in, *commands, b"LOGOUT")
        ]
        assert client.read_to_end() == b""
    return heard


def log_ins(dovecot: Dovecot, account: Account) -> int:
    """How often Dovecot has let the account in."""
    # Its log is written in order: when this one stands there, those before do, too.
    marker = dovecot.account("marker")
    with RawClient(dovecot.imap_port) as client:
        client.ok(f"LOGIN {marker.user} {marker.password}".encode())
    dovecot.wait_for_log(rf"Login: user=<{marker.user}>")
    return dovecot.log().count(f"Login: user=<{account.user}>")


def test_the_second_session_is_as_the_first_and_costs_no_log_in(
    dovecot: Dovecot, proxy: Proxy, account: Account
) -> None:
    session(proxy.port, account, b"SELECT INBOX")  # takes \Recent
    with Proxy(dovecot.upstream, dovecot.ca_file) as another:
        fresh = session(another.port, account, *SCRIPT)
        assert log_ins(dovecot, account) == 2
        for _ in range(3):
            assert session(another.port, account, *SCRIPT) == fresh
        assert log_ins(dovecot, account) == 2
    assert fresh[1].startswith(b"t BAD ")


def test_recent_goes_to_the_next_session_that_selects(proxy: Proxy, account: Account) -> None:
    session(proxy.port, account, b"SELECT INBOX")
    session(proxy.port, account, b"APPEND INBOX {11+}\r\nSubject: x\n", b"EXAMINE INBOX")
    _, examined, _ = session(proxy.port, account, b"EXAMINE INBOX")
    _, selected, _ = session(proxy.port, account, b"SELECT INBOX")
    _, again, _ = session(proxy.port, account, b"SELECT INBOX")
    assert b"* 1 RECENT" in examined
    assert b"* 1 RECENT" in selected
    assert b"* 0 RECENT" in again


def test_deleted_messages_stay_where_they_are(proxy: Proxy, account: Account) -> None:
    session(proxy.port, account, b"SELECT INBOX", b"STORE 1:* +FLAGS (\\Deleted)")
    _, selected, _ = session(proxy.port, account, b"SELECT INBOX")
    assert b"* 2 EXISTS" in selected


@pytest.mark.parametrize("enabling", [b"ENABLE CONDSTORE", b"SELECT INBOX (CONDSTORE)"])
def test_modseq_is_not_told_to_who_never_asked(
    proxy: Proxy, account: Account, enabling: bytes
) -> None:
    session(proxy.port, account, enabling, b"SELECT INBOX")
    stored = session(proxy.port, account, b"SELECT INBOX", b"STORE 1 +FLAGS (\\Seen)")[2]
    assert b"FETCH" in stored
    assert b"MODSEQ" not in stored


def test_a_wrong_password_is_dovecots_to_refuse(
    dovecot: Dovecot, proxy: Proxy, account: Account
) -> None:
    session(proxy.port, account, b"SELECT INBOX")
    assert log_ins(dovecot, account) == 1
    with RawClient(proxy.port) as client, RawClient(dovecot.imap_port) as direct:
        command = f"LOGIN {account.user} guess".encode()
        answer = octets_of(client.command(command))
        assert answer == octets_of(direct.command(command))
        assert answer.startswith(b"t NO [AUTHENTICATIONFAILED]")
    session(proxy.port, account, b"NOOP")
    assert log_ins(dovecot, account) == 1


def test_a_parked_connection_that_was_killed_is_replaced(
    dovecot: Dovecot, account: Account
) -> None:
    # Nothing is given out unseen.
    with configured_proxy(dovecot.upstream_settings, "[pool]\nprobe_after = 0.000001") as port:
        session(port, account, b"SELECT INBOX")
        dovecot.kill_session(account)
        dovecot.wait_for_log(r"killed with signal 9")
        assert b"t OK" in session(port, account, b"SELECT INBOX")[1]


def test_what_is_parked_logs_out_when_the_proxy_stops(dovecot: Dovecot, account: Account) -> None:
    with Proxy(dovecot.upstream, dovecot.ca_file) as proxy:
        session(proxy.port, account, b"SELECT INBOX")
        assert proxy.program.stop(signal.SIGTERM) == 0
        dovecot.wait_for_log(rf"imap\({account.user}\).*Logged out")
        proxy.start()


class OneAtATime(Dovecot):
    """A Dovecot that allows an account one connection."""

    def _write_configuration(self) -> Path:
        path = super()._write_configuration()
        with path.open("a") as configuration:
            configuration.write("protocol imap {\n  mail_max_userip_connections = 1\n}\n")
        return path


@pytest.mark.usefixtures("dovecot")
@pytest.mark.parametrize("before_log_out", [b"NOOP", b"ENABLE CONDSTORE"])
def test_who_is_one_too_many_for_dovecot_waits_for_the_one_before(before_log_out: bytes) -> None:
    with OneAtATime() as dovecot, configured_proxy(dovecot.upstream_settings) as port:
        account = dovecot.account()
        log_in = f"LOGIN {account.user} {account.password}".encode()
        with RawClient(port) as first, RawClient(port) as second:
            first.ok(log_in)
            first.ok(before_log_out)
            second.send(b"t " + log_in + b"\r\n")
            dovecot.wait_for_log("Maximum number of connections from user.IP exceeded")
            first.ok(b"LOGOUT")
            answer = second.read_until(lambda response: response.first_word == b"t")
            assert octets_of(answer).startswith(b"t OK")


def test_the_way_of_the_pool_without_unselect(dovecot: Dovecot, account: Account) -> None:
    """EXAMINE INBOX and CLOSE leave no mailbox selected, expunge nothing, take no \\Recent."""
    with RawClient(dovecot.imap_port) as client, RawClient(dovecot.imap_port) as other:
        for one in (client, other):
            one.ok(f"LOGIN {account.user} {account.password}".encode())
        client.ok(b"SELECT INBOX")
        client.ok(b"STORE 1 +FLAGS (\\Deleted)")
        other.ok(b"APPEND INBOX {11+}\r\nSubject: x\n")
        assert b"[READ-ONLY]" in octets_of(client.ok(b"EXAMINE INBOX"))
        client.ok(b"CLOSE")
        assert client.command(b"FETCH 1 FLAGS")[-1].octets.startswith(b"t BAD")
        selected = octets_of(other.ok(b"SELECT INBOX"))
        assert b"* 3 EXISTS" in selected
        assert b"* 1 RECENT" in selected
