"""A private Cyrus on loopback: its own configuration, port and mail, and nothing of the system's.

Debian's ``cyrus-imapd`` and ``dovecot-imapd`` cannot both be installed, so it may also be unpacked
into a directory, which the environment variable ``CYRUS_ROOT`` names then.
"""

import itertools
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real.dovecot import free_ports
from tests.real.programs import Program

PASSWORD = "pw"

# ``altnamespace``: mailboxes are beside INBOX, as in the other servers, and not below it.
_CONFIGURATION = """\
configdirectory: {directory}/conf
defaultpartition: default
partition-default: {directory}/spool
proc_path: {directory}/proc
mboxname_lockpath: {directory}/lock
idlesocket: {directory}/idle
cyrus_user: {owner}
servername: localhost
altnamespace: {altnamespace}
unixhierarchysep: no
allowplaintext: yes
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN LOGIN
autocreate_users: anyone
autocreate_quota: 0
"""

# What has no time is done once, when the port is bound.
_SERVICES = """\
START {{
  recover cmd="{bin}/ctl_cyrusdb -C {directory}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{bin}/imapd -C {directory}/imapd.conf" listen="127.0.0.1:{port}" proto="tcp4" prefork=2
}}
EVENTS {{
  bound cmd="/bin/echo bound"
}}
DAEMON {{
  idled cmd="{bin}/idled -C {directory}/imapd.conf"
}}
"""


class Cyrus:
    """The server itself; a context manager. ``accounts`` are users nobody has been yet.

    ``altnamespace`` is what Cyrus calls it: whether mailboxes are beside INBOX, or below it.
    """

    def __init__(self, *, altnamespace: bool = True) -> None:
        self.imap_port = 0
        self._altnamespace = altnamespace
        self._directory: Path | None = None
        self._program: Program | None = None

    @staticmethod
    def missing() -> str | None:
        """Return a sentence about why it cannot run here, or None where it can."""
        if not (_binaries() / "master").exists():
            return "cyrus-imapd is neither installed nor in CYRUS_ROOT (make conformance-cyrus)."
        return None

    @property
    def accounts(self) -> Iterator[tuple[str, str]]:
        """Users and their password."""
        return ((f"conf{number:04}", PASSWORD) for number in itertools.count(1))

    def start(self) -> None:
        """Start it and return when its port is bound."""
        self._directory = Path(tempfile.mkdtemp(prefix="cyrus-"))
        for name in ("conf/db", "conf/log", "conf/proc", "conf/socket", "spool", "proc", "lock"):
            (self._directory / name).mkdir(parents=True)
        (self.imap_port,) = free_ports(1)
        settings = {
            "directory": self._directory,
            "owner": _owner(),
            "bin": _binaries(),
            "port": self.imap_port,
            "altnamespace": "yes" if self._altnamespace else "no",
        }
        (self._directory / "imapd.conf").write_text(_CONFIGURATION.format(**settings))
        (self._directory / "cyrus.conf").write_text(_SERVICES.format(**settings))
        self._give_away()
        self._program = Program(self._arguments(), environment=_environment())
        self._program.wait_for_line("^bound$")

    def stop(self) -> None:
        """End it, wait for it, and remove its directory."""
        if self._program is not None:
            if self._program.running:
                self._program.stop()
            self._program = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def _arguments(self) -> list[str | Path]:
        assert self._directory is not None
        directory = self._directory
        files = ["-C", directory / "imapd.conf", "-M", directory / "cyrus.conf"]
        # -D: standard output stays what it is.
        return [_binaries() / "master", "-D", *files, "-p", directory / "master.pid"]

    def _give_away(self) -> None:
        assert self._directory is not None
        if os.getuid() == 0:
            for path in [self._directory, *self._directory.rglob("*")]:
                shutil.chown(path, _owner())

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


def _root() -> Path:
    return Path(os.environ.get("CYRUS_ROOT", "/")).resolve()


def _binaries() -> Path:
    return _root() / "usr/lib/cyrus/bin"


def _environment() -> dict[str, str]:
    """Libraries that were unpacked with it are where nobody else looks."""
    directories = [_root() / where for where in ("usr/lib", "lib")]
    found = [str(path) for where in directories for path in where.glob("*-linux-gnu*")]
    return {**os.environ, **({"LD_LIBRARY_PATH": ":".join(found)} if _root() != Path("/") else {})}


def _owner() -> str:
    """Who Cyrus is: it does not serve mail as root."""
    return "mail" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
