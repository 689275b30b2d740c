"""A private Dovecot on loopback: its own configuration, certificate, ports and accounts.

Nothing of the system's own Dovecot is read or touched, several may run side by side, and it works
for root (mail then belongs to an unprivileged user, as Dovecot insists) and for anyone else.
"""

import grp
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from tests.real.programs import Program, find_program
from tests.reserved_port import reserved

PASSWORD = "correct-horse"

# Everything a password may be made of that a proxy could get wrong on the way: quoted specials,
# a literal announced, percent signs, a space at either end.
ODD_USER = "odd+user@example.org"
ODD_PASSWORD = " p\"a\\s s{5}%n(*]' "

# A port is free until another process takes it between our look and Dovecot's bind.
_STARTS = 5

_CONFIGURATION = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = /dev/stderr
log_timestamp = "%H:%M:%S.%{{usecs}} "
protocols = imap
listen = {listen}
instance_name = {instance}
default_internal_user = {internal_user}
default_internal_group = {internal_group}
default_login_user = {login_user}

ssl = yes
ssl_cert = <{directory}/server.pem
ssl_key = <{directory}/server.key
ssl_dh =
disable_plaintext_auth = no
auth_mechanisms = plain login
# Any octet may be in a user name; Dovecot's own default forbids the plus sign.
auth_username_chars =
# Wrong passwords are tested too, and Dovecot answers them late on purpose.
auth_failure_delay = 0

passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {directory}/passwd
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={directory}/users/%u
}}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
mail_fsync = never
mail_max_userip_connections = 5000
# Where inotify is not to be had IDLE looks every so often.
mailbox_idle_check_interval = 1 secs

namespace inbox {{
  inbox = yes
  separator = .
}}
# METADATA (RFC 5464) wants somewhere to keep values.
mail_attribute_dict = file:%h/attributes
protocol imap {{
  mail_max_userip_connections = 5000
  imap_metadata = yes
}}

default_process_limit = 2000
default_client_limit = 10000
service anvil {{
  chroot =
  # Without it a few wrong passwords slow down everybody who comes from 127.0.0.1.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  # Two processes serve all logins, instead of one process a connection.
  service_count = 0
  process_min_avail = 2
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 2000
}}
service stats {{
  client_limit = 10000
}}
"""


@dataclass(frozen=True)
class Message:
    """A message to put into a mailbox: RFC 5322 octets, flags in Maildir's letters, arrival."""

    octets: bytes
    flags: str = ""
    arrived: int = 1_700_000_000
    uid: int = 0


@dataclass(frozen=True)
class Account:
    """A user of the private Dovecot, with a home directory that nobody has used yet."""

    user: str
    password: str
    home: Path
    owner: tuple[int, int]

    @property
    def maildir(self) -> Path:
        """The directory that INBOX is; every other mailbox is ``.Name`` in it."""
        return self.home / "Maildir"

    def seed(
        self,
        mailbox: str,
        messages: Iterable[Message] = (),
        *,
        uid_validity: int = 0,
        uid_next: int = 0,
    ) -> None:
        """Make a mailbox and fill it, in UID order; to be done before the account is used.

        ``mailbox`` is a name with ``.`` as the delimiter, in modified UTF-7 where it needs to be.
        UIDs are 1, 2, 3... unless a message says otherwise.
        """
        directory = self.maildir if mailbox == "INBOX" else self.maildir / f".{mailbox}"
        for part in ("tmp", "new", "cur"):
            (directory / part).mkdir(parents=True, exist_ok=True)
        # Without its list of UIDs Dovecot would give them out at the first look at the mailbox, and
        # a message that is copied into it before would come first.
        lines = []
        for number, message in enumerate(messages):
            name = f"{1_600_000_000 + number}.M{number}P1.localhost"
            path = directory / "cur" / f"{name}:2,{message.flags}"
            path.write_bytes(message.octets)
            os.utime(path, (message.arrived, message.arrived))
            lines.append(f"{message.uid or number + 1} :{name}\n")
        uid_validity = uid_validity or 1_600_000_000 + zlib.crc32(mailbox.encode()) % 10_000_000
        first = f"3 V{uid_validity} N{uid_next or len(lines) + 1} G{os.urandom(16).hex()}\n"
        (directory / "dovecot-uidlist").write_text(first + "".join(lines))
        self._give_away()

    def _give_away(self) -> None:
        if os.getuid() == 0:
            for path in [self.home, *self.home.rglob("*")]:
                os.chown(path, *self.owner)


class Dovecot:
    """The server itself; a context manager, and its ``account()`` makes a fresh user.

    ``names`` are those that its certificate vouches for; ``settings`` are lines put behind the
    rest of its configuration.
    """

    def __init__(
        self, names: Sequence[str] = ("localhost", "127.0.0.1", "::1"), settings: str = ""
    ) -> None:
        self.password = PASSWORD
        self._names = names
        self._settings = settings
        self.imap_port = 0
        self.imaps_port = 0
        self._numbers = itertools.count(1)
        self._directory: Path | None = None
        self._program: Program | None = None
        self._held: list[socket.socket] = []  # its ports, while it is away

    @staticmethod
    def missing() -> str | None:
        """Return a sentence about why it cannot run here, or None where it can."""
        binary = find_program("dovecot")
        if binary is None:
            return "dovecot is not installed (Debian: apt-get install dovecot-imapd)."
        version = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout
        if not version.startswith("2.3."):
            return f"dovecot is {version.strip()}; the configuration here is for 2.3."
        return None

    @property
    def directory(self) -> Path:
        """Where configuration, certificate, sockets and mail are."""
        assert self._directory is not None, "not started"
        return self._directory

    @property
    def ca_file(self) -> Path:
        """The authority that signed the certificate."""
        return self.directory / "ca.pem"

    @property
    def upstream(self) -> str:
        """The URL by which the proxy reaches it."""
        return f"imaps://localhost:{self.imaps_port}"

    @property
    def upstream_settings(self) -> str:
        """What a configuration file says of it."""
        return f'url = "{self.upstream}"\nca_file = "{self.ca_file}"\n'

    @property
    def upstream_starttls(self) -> str:
        """The URL by which the proxy reaches its plaintext port."""
        return f"imap+starttls://localhost:{self.imap_port}"

    def start(self) -> None:
        """Start it and return when both ports are listening."""
        self._directory = Path(tempfile.mkdtemp(prefix="dovecot-"))
        # The unprivileged owner of the mail has to get through.
        self._directory.chmod(0o755)
        (self._directory / "users").mkdir()
        self._write_certificate()
        password_file = self._directory / "passwd"
        password_file.write_text(f"{ODD_USER}:{{PLAIN}}{ODD_PASSWORD}::::::\n")
        password_file.chmod(0o644)
        for attempt in range(_STARTS):
            if self._try_to_start(last=attempt == _STARTS - 1):
                return

    def stop(self) -> None:
        """End it, wait for it, and remove its directory."""
        if self._program is not None:
            # Asked to end it waits a second for its processes, of which nobody wants anything.
            self._program.kill()
            self._program = None
        self._let_go()
        if self._directory is not None:
            # Who is being killed may still be at a file.
            for _ in range(_STARTS):
                shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def go_away(self) -> None:
        """Kill it, and keep its directory: nobody listens on its ports until it comes back."""
        assert self._program is not None, "not started"
        self._program.kill()
        self._held = [reserved(port) for port in (self.imap_port, self.imaps_port)]

    @property
    def is_away(self) -> bool:
        """Whether it was ended and has not come back."""
        return self._program is None or not self._program.running

    def come_back(self) -> None:
        """Start it again, on the same ports and with the same mail."""
        self._run(self.directory / "dovecot.conf")
        self._let_go()

    def _let_go(self) -> None:
        held, self._held = self._held, []
        for port in held:
            port.close()

    def account(self, name: str = "user") -> Account:
        """Return a user who has not been there before, with an empty INBOX."""
        return self._account(f"{name}{next(self._numbers):04}", self.password)

    def odd_account(self) -> Account:
        """Return the user whose password holds every character that needs quoting."""
        return self._account(ODD_USER, ODD_PASSWORD)

    def kill_session(self, account: Account) -> None:
        """Kill the process that serves the account's (only) session, as a crash would."""
        assert self._program is not None, "not started"
        line = self._program.wait_for_line(rf"Login: user=<{account.user}>.* mpid=(\d+)", "stderr")
        os.kill(int(line[1]), signal.SIGKILL)

    def log(self) -> str:
        """Return what it has logged."""
        assert self._program is not None, "not started"
        return self._program.output("stderr")

    def wait_for_log(self, pattern: str, skip: int = 0) -> None:
        """Wait until it has logged a line like this, and so many of them before it."""
        assert self._program is not None, "not started"
        self._program.wait_for_line(pattern, "stderr", skip=skip)

    def _account(self, user: str, password: str) -> Account:
        home = self.directory / "users" / user
        home.mkdir(exist_ok=True)
        account = Account(user, password, home, _mail_owner())
        account.seed("INBOX")
        return account

    def _write_certificate(self) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert(*self._names)
        authority.cert_pem.write_to_path(str(self.ca_file))
        certificate.private_key_pem.write_to_path(str(self.directory / "server.key"))
        for number, blob in enumerate(certificate.cert_chain_pems):
            blob.write_to_path(str(self.directory / "server.pem"), append=number > 0)

    def _write_configuration(self) -> Path:
        self.imap_port, self.imaps_port = free_ports(2)
        uid, gid = _mail_owner()
        root = os.getuid() == 0
        me = pwd.getpwuid(os.getuid()).pw_name
        configuration = self.directory / "dovecot.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                directory=self.directory,
                instance=self.directory.name,
                # Debian's package brings these two users; without root there is no other than me.
                internal_user="dovecot" if root else me,
                internal_group="dovecot" if root else _group_name(os.getgid()),
                login_user="dovenull" if root else me,
                password=self.password,
                listen="127.0.0.1, ::1" if _has_ipv6() else "127.0.0.1",
                uid=uid,
                gid=gid,
                imap_port=self.imap_port,
                imaps_port=self.imaps_port,
            )
            + self._settings
        )
        return configuration

    def _try_to_start(self, *, last: bool) -> bool:
        try:
            self._run(self._write_configuration())
        except (AssertionError, OSError):
            assert self._program is not None
            output = self._program.output("stderr")
            self._program.kill()
            if last or "Address already in use" not in output:
                raise
            return False
        return True

    def _run(self, configuration: Path) -> None:
        binary = find_program("dovecot")
        assert binary is not None, self.missing()
        self._program = Program([binary, "-F", "-c", configuration], new_group=True)
        # By the time it says so it has bound its ports: connections queue from here on.
        self._program.wait_for_line(r"starting up for imap", "stderr")
        self._greeting()

    def _greeting(self) -> None:
        with socket.create_connection(("127.0.0.1", self.imap_port), 30) as connection:
            greeting = connection.recv(4096)
        if not greeting.startswith(b"* OK"):
            raise AssertionError(f"not a greeting: {greeting!r}")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def free_ports(count: int) -> Sequence[int]:
    """Return ports that nobody listens on at the moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports


def _has_ipv6() -> bool:
    """Tell whether ``::1`` is there; Dovecot would not start with an address it cannot have."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def _mail_owner() -> tuple[int, int]:
    """Whom the mail belongs to: Dovecot refuses to serve mail as root."""
    if os.getuid():
        return os.getuid(), os.getgid()
    for name in ("mail", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise LookupError("there is neither a user mail nor nobody to own the mail")


def _group_name(gid: int) -> str:
    return grp.getgrgid(gid).gr_name
