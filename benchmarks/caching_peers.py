"""Other proxies that keep something between a client and the server, where they are installed.

Dovecot's ``imapc`` storage keeps headers and attributes, up-imapproxy logged-in connections.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.client import Endpoint
from benchmarks.targets import Target
from tests.real.dovecot import PASSWORD, Account, Dovecot, free_ports
from tests.real.programs import Program, find_program

_IMAPC = """\
mail_location = imapc:~/imapc
imapc_host = localhost
imapc_port = {port}
imapc_ssl = imaps
imapc_user = %u
imapc_password = {password}
imapc_features = rfc822.size fetch-headers fetch-bodystructure
ssl_client_ca_file = {ca_file}
"""
_PATIENCE = 10.0  # seconds
# It knows no TLS from the first octet on, so that it goes to the server's other port.
_UP_IMAPPROXY = """\
server_hostname localhost
server_port {port}
listen_address 127.0.0.1
listen_port {listen}
connect_retries 10
connect_delay 5
cache_size 3072
cache_expiration_time 300
proc_username nobody
proc_groupname nogroup
stat_filename {directory}/stats
protocol_log_filename {directory}/protocol.log
syslog_facility LOG_MAIL
send_tcp_keepalives no
enable_select_cache no
foreground_mode yes
force_tls yes
tls_ca_file {ca_file}
tls_verify_server yes
enable_admin_commands no
"""


@contextmanager
def caching_peers(dovecot: Dovecot, account: Account, directory: Path) -> Iterator[list[Target]]:
    """Run those that are there in front of ``dovecot``, for ``account``."""
    with ExitStack() as stack:
        targets = [stack.enter_context(_imapc(dovecot, account))]
        program = find_program("imapproxyd")
        if program is None:
            print("up-imapproxy is not installed (Debian: apt-get install imapproxy): left out")
        else:
            targets.append(stack.enter_context(_up_imapproxy(program, dovecot, directory)))
        yield targets


@contextmanager
def _imapc(dovecot: Dovecot, account: Account) -> Iterator[Target]:
    settings = _IMAPC.format(port=dovecot.imaps_port, password=PASSWORD, ca_file=dovecot.ca_file)
    with Dovecot(settings=settings) as imapc:
        imapc.account(account.user.rstrip("0123456789"))  # the same name, as its first
        yield Target("Dovecot imapc", Endpoint(imapc.imap_port))


@contextmanager
def _up_imapproxy(program: str, dovecot: Dovecot, directory: Path) -> Iterator[Target]:
    (listen,) = free_ports(1)
    configuration = directory / "imapproxy.conf"
    configuration.write_text(
        _UP_IMAPPROXY.format(
            port=dovecot.imap_port, listen=listen, directory=directory, ca_file=dovecot.ca_file
        )
    )
    with Program([program, "-f", configuration]) as running:
        _wait_until_listening(listen)
        assert running.running, running.describe()
        yield Target("up-imapproxy", Endpoint(listen, host="127.0.0.1"))


def _wait_until_listening(port: int) -> None:
    """It tells the system's log alone that it is ready."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), _PATIENCE).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)  # noqa: TID251  # there is nothing to wait on
