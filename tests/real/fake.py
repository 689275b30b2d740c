"""The in-memory server as a program of its own, as users start it for their tests."""

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real.programs import Program, python_environment, python_module


class FakeServer:
    """``fakeserver`` with TLS, and many users; each has the account of the walk-through, as new."""

    def __init__(self, users: int = 200, password: str = "pw") -> None:
        self.password = password
        self._users = [f"user{number:03}" for number in range(users)]
        self._unused = iter(self._users)
        self.imap_port = 0
        self.imaps_port = 0
        self.ca_file = Path()
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

    def account(self) -> str:
        """Return the name of a user who has not been there before."""
        return next(self._unused)

    def start(self) -> None:
        """Start it and read the JSON line that says where it listens."""
        arguments = ["--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"]
        for user in self._users:
            arguments += ["--user", f"{user}:{self.password}"]
        self._program = Program(
            python_module("fakeserver", *arguments), environment=python_environment()
        )
        ready = json.loads(self._program.wait_for_line(r"^\{.*\}$")[0])
        self.imap_port = ready["imap"]
        self.imaps_port = ready["imaps"]
        self.ca_file = Path(ready["ca_file"])

    def stop(self) -> None:
        """End it and see that it ended well."""
        code = self.program.stop()
        assert code == 0, f"after SIGTERM the exit code is {code}\n{self.program.describe()}"
        assert "Traceback" not in self.program.output("stderr"), self.program.describe()

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
