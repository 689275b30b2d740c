"""What the scripts are played at: a port, accounts nobody has used, and what is offered there."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.real.dovecot import Dovecot
from tests.real.programs import Program, python_environment, python_module
from tests.real.raw import RawClient

PASSWORD = "pw"
# Accounts of the fake server have to be there when it starts.
_ACCOUNTS = 4000


@dataclass
class Target:
    """Where a script is played. ``server`` is who answers in the end: ``dovecot`` or ``fake``."""

    name: str
    server: str
    port: int
    accounts: Iterator[tuple[str, str]]
    _capabilities: frozenset[str] = field(default=frozenset())

    def account(self) -> tuple[str, str]:
        """The user and password of an account with an empty INBOX."""
        return next(self.accounts)

    @property
    def capabilities(self) -> frozenset[str]:
        """What is offered before and after a login, in upper case."""
        if not self._capabilities:
            with RawClient(self.port) as client:
                told = client.command(b"CAPABILITY")
                user, password = self.account()
                client.ok(f"LOGIN {user} {password}".encode())
                told += client.command(b"CAPABILITY")
            words = b" ".join(one.octets for one in told if b"* CAPABILITY" in one.octets)
            self._capabilities = frozenset(words.decode().upper().split())
        return self._capabilities


class Fake:
    """The fake server as a program, with accounts enough for everybody."""

    def __init__(self) -> None:
        # So many arguments would not be read by anyone; the program is told them in a list.
        self._program = Program(
            python_module("tests.conformance.many_accounts", str(_ACCOUNTS), PASSWORD),
            environment=python_environment(),
        )
        ready = json.loads(self._program.wait_for_line(r"^\{.*\}$")[0])
        self.imap_port: int = ready["imap"]
        self.imaps_port: int = ready["imaps"]
        self.ca_file = Path(ready["ca_file"])
        self.accounts = ((f"user{number:04}", PASSWORD) for number in itertools.count(1))

    @property
    def upstream(self) -> str:
        """The URL by which the proxy reaches it."""
        return f"imaps://localhost:{self.imaps_port}"

    def stop(self) -> None:
        """End it, and see that nothing went wrong in it."""
        code = self._program.stop()
        assert code == 0, self._program.describe()
        assert "Traceback" not in self._program.output("stderr"), self._program.describe()


@contextmanager
def running_fake() -> Iterator[Fake]:
    """The fake server while it runs."""
    fake = Fake()
    yield fake
    fake.stop()


def accounts_of(dovecot: Dovecot) -> Iterator[tuple[str, str]]:
    """Accounts of a Dovecot."""
    while True:
        account = dovecot.account("conf")
        yield account.user, account.password
