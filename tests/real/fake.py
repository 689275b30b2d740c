"""The in-memory server as a program of its own, as users start it for their tests."""

import base64
import datetime
import itertools
import json
import urllib.parse
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.real.dovecot import PASSWORD, Message
from tests.real.programs import Program, python_environment, python_module
from tests.real.raw import RawClient
from tests.real.truth import with_crlf

# Maildir's letters, by which messages are given here, and IMAP's names.
_FLAGS = {"D": "\\Draft", "F": "\\Flagged", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}


@dataclass(frozen=True)
class FakeAccount:
    """A user whose INBOX is empty, and whom nobody has used yet."""

    user: str
    password: str
    server: "FakeServer"

    def seed(self, mailbox: str, messages: Iterable[Message] = ()) -> None:
        """Make a mailbox and fill it; as with Dovecot's Maildir, no message is recent."""
        place = {"user": self.user, "mailbox": mailbox}
        if mailbox != "INBOX":
            self.server.control("mailboxes", place)
        for message in messages:
            moment = datetime.datetime.fromtimestamp(message.arrived, datetime.UTC)
            self.server.control("messages", {
                **place,
                "base64": base64.b64encode(with_crlf(message.octets)).decode(),
                "flags": [_FLAGS[letter] for letter in message.flags],
                "internal_date": moment.isoformat(),
            })  # fmt: skip
        with RawClient(self.server.imap_port) as client:
            client.ok(f"LOGIN {self.user} {self.password}".encode())
            client.ok(f'SELECT "{mailbox}"'.encode())


class FakeServer:
    """``fakeserver`` with TLS and its control port, by which accounts are made when needed."""

    def __init__(self) -> None:
        self.password = PASSWORD
        self.imap_port = 0
        self.imaps_port = 0
        self.ca_file = Path()
        self._control = ""
        self._numbers = itertools.count(1)
        self._program: Program | None = None

    @property
    def upstream(self) -> str:
        """The URL by which the proxy reaches it."""
        return f"imaps://localhost:{self.imaps_port}"

    @property
    def program(self) -> Program:
        """The running process."""
        assert self._program is not None, "not started"
        return self._program

    def account(self, name: str = "user") -> FakeAccount:
        """Return a user who has not been there before, with an empty INBOX."""
        return self._account(name, empty=True)

    def walkthrough_account(self) -> FakeAccount:
        """Return such a user with the mail that the program's own account has."""
        return self._account("walk", empty=False)

    def control(self, what: str, request: dict[str, Any]) -> None:
        """Ask for something at the control port."""
        url = urllib.parse.urljoin(self._control, what)
        with urllib.request.urlopen(url, json.dumps(request).encode()) as answer:
            answer.read()

    def start(self) -> None:
        """Start it and read the JSON line that says where it listens."""
        arguments = ["--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"]
        arguments += ["--control-listen", "127.0.0.1:0"]
        self._program = Program(
            python_module("fakeserver", *arguments), environment=python_environment()
        )
        ready = json.loads(self._program.wait_for_line(r"^\{.*\}$")[0])
        self.imap_port = ready["imap"]
        self.imaps_port = ready["imaps"]
        self.ca_file = Path(ready["ca_file"])
        self._control = f"http://127.0.0.1:{ready['control']}/"

    def stop(self) -> None:
        """End it and see that it ended well."""
        code = self.program.stop()
        assert code == 0, f"after SIGTERM the exit code is {code}\n{self.program.describe()}"
        assert "Traceback" not in self.program.output("stderr"), self.program.describe()

    def _account(self, name: str, *, empty: bool) -> FakeAccount:
        user = f"{name}{next(self._numbers):04}"
        self.control("accounts", {"user": user, "password": self.password, "empty": empty})
        return FakeAccount(user, self.password, self)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            if self._program is not None:
                self._program.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.stop()
        else:
            self.program.kill()
