"""The in-memory server as a program of its own, as users start it for their tests."""

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real.programs import Program, python_environment, python_module


class FakeServer:
    """``fakeserver`` with TLS; each has the account of the walk-through, as new."""

    def __init__(self, user: str = "demo", password: str = "pw") -> None:
        self.user = user
        self.password = password
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

    def start(self) -> None:
        """Start it and read the JSON line that says where it listens."""
        self._program = Program(
            python_module(
                "fakeserver", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0",
                "--user", f"{self.user}:{self.password}",
            ),
            environment=python_environment(),
        )  # fmt: skip
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
