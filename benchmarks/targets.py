"""What is measured against each other: the server direct, the proxy, and two that do less.

stunnel and the bare relay carry octets and know nothing of IMAP: between them and direct is what a
hop costs on this machine, in C and in Twisted.
"""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.client import Client, Endpoint
from benchmarks.corpus import put_in_place
from tests.real.dovecot import Account, Dovecot, free_ports
from tests.real.programs import Program, find_program, python_environment, python_module
from tests.real.proxy import Proxy

DIRECT = "direct"

# As a careful user would have it: the certificate is verified, and so is the name in it.
_STUNNEL = """\
foreground = yes
pid =
debug = 5
[imap]
client = yes
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{upstream_port}
sni = localhost
CAfile = {ca_file}
verifyChain = yes
checkHost = localhost
"""


class Target(NamedTuple):
    """One way to the server, by the name it has in the table."""

    name: str
    endpoint: Endpoint

    def open(self, account: Account) -> Client:
        """Connect, log in, select INBOX."""
        client = Client(self.endpoint)
        client.log_in(account.user, account.password, "INBOX")
        return client


def direct_endpoint(dovecot: Dovecot) -> Endpoint:
    """The server itself, with TLS."""
    return Endpoint(dovecot.imaps_port, ssl.create_default_context(cafile=str(dovecot.ca_file)))


@contextmanager
def bench_server(kept: Path, messages: int) -> Iterator[tuple[Dovecot, Account]]:
    """Run a private Dovecot; its account has ``messages`` generated messages in INBOX."""
    missing = Dovecot.missing()
    if missing is not None:
        raise SystemExit(missing)
    with Dovecot() as dovecot:
        account = dovecot.account("bench")
        put_in_place(account, kept, messages)
        # Only the first session sees \Recent on them, and those behind it would send less.
        Target(DIRECT, direct_endpoint(dovecot)).open(account).close()
        yield dovecot, account


@contextmanager
def all_targets(dovecot: Dovecot) -> Iterator[list[Target]]:
    """Run everything there is to measure; the first target is the server direct."""
    with ExitStack() as stack:
        targets = [Target(DIRECT, direct_endpoint(dovecot))]
        relaying = Proxy(dovecot.upstream, dovecot.ca_file, options=["--no-cache"])
        proxy = stack.enter_context(relaying)
        targets.append(Target("proxy", Endpoint(proxy.port)))
        targets.append(stack.enter_context(_bare_relay(dovecot)))
        stunnel = find_program("stunnel4") or find_program("stunnel")
        if stunnel is None:
            print("stunnel is not installed (Debian: apt-get install stunnel4): left out")
        else:
            targets.append(stack.enter_context(_stunnel(stunnel, dovecot)))
        yield targets


@contextmanager
def _bare_relay(dovecot: Dovecot) -> Iterator[Target]:
    command = python_module("benchmarks.bare_relay", str(dovecot.imaps_port), dovecot.ca_file)
    with Program(command, environment=python_environment()) as running:
        port = running.wait_for_line(r"^(\d+)$")[1]
        yield Target("bare Twisted", Endpoint(int(port)))


@contextmanager
def _stunnel(program: str, dovecot: Dovecot) -> Iterator[Target]:
    (port,) = free_ports(1)
    configuration = dovecot.directory / "stunnel.conf"
    configuration.write_text(
        _STUNNEL.format(port=port, upstream_port=dovecot.imaps_port, ca_file=dovecot.ca_file)
    )
    with Program([program, configuration]) as running:
        running.wait_for_line("Configuration successful", "stderr")
        yield Target("stunnel", Endpoint(port))
