"""The socket in the file system at which the running proxy tells its status.

Whoever connects is sent one JSON object and nothing is read; only the user that runs the proxy
(and root) may connect.
"""

import os
import socket
import stat
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import platformdirs
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, ILoggingContext
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.logger import Logger
from zope.interface import implementer

from imapproxy.config import ConfigError
from imapproxy.status import Report

_SUFFIX = ".sock"
_SYSTEM_DIRECTORY = Path("/run/imapproxy")  # as deploy/imapproxy.service has it
_SECONDS = 5.0  # for a proxy to tell its status
_MOST_OCTETS = 16 * 1024 * 1024

Reporter = Callable[[], Coroutine[Any, Any, Report]]


def status_directory() -> Path:
    """Where sockets are when nobody says where."""
    given = os.environ.get("RUNTIME_DIRECTORY")  # systemd, from RuntimeDirectory=
    if given:
        return Path(given.partition(":")[0])
    if os.environ.get("XDG_RUNTIME_DIR"):
        return platformdirs.user_runtime_path("imapproxy")
    return platformdirs.user_state_path("imapproxy")


class StatusSocket:
    """Tells whoever connects what ``reporter`` says. That it cannot be is no reason not to run."""

    log = Logger()

    def __init__(self, reactor: Any, reporter: Reporter, path: Path | None = None) -> None:
        self._reactor = reactor
        self._reporter = reporter
        self._path = path
        self._port: IListeningPort | None = None

    def start(self) -> None:
        """Listen."""
        path = self._path or status_directory() / f"{os.getpid()}{_SUFFIX}"
        try:
            if self._path is None:
                _make_private(path.parent)
            _remove_stale(path)
            with _only_for_us():
                telling = _Telling(self._reporter)
                self._port = self._reactor.listenUNIX(str(path), telling, mode=0o600)
        except (OSError, ValueError, CannotListenError) as error:
            reason = error.socketError if isinstance(error, CannotListenError) else error
            self.log.warn("no status at {path}: {reason}", path=path, reason=reason)

    async def stop(self) -> None:
        """Listen no more; the socket is removed."""
        if self._port is not None:
            port, self._port = self._port, None
            await port.stopListening()  # type: ignore[misc]


@implementer(ILoggingContext)
class _Telling(ServerFactory):
    noisy = False

    def logPrefix(self) -> str:
        return "status"

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return _Teller(self._reporter)


class _Teller(Protocol):
    log = Logger()

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def connectionMade(self) -> None:
        transport: Any = self.transport
        telling = Deferred.fromCoroutine(self._tell(transport))
        telling.addErrback(lambda failure: self.log.failure("no status could be told", failure))
        telling.addBoth(lambda _: transport.loseConnection())

    async def _tell(self, transport: Any) -> None:
        transport.write(msgspec.json.encode(await self._reporter()) + b"\n")


def _make_private(directory: Path) -> None:
    """A directory of our own, into which nobody else puts anything. Raises :class:`OSError`."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PermissionError(f"{directory} can be written by others")


def _remove_stale(path: Path) -> None:
    """What a proxy that was killed has left. Raises :class:`OSError` if one is alive there."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise FileExistsError("another proxy tells its status there")


@contextmanager
def _only_for_us() -> Iterator[None]:
    before = os.umask(0o177)
    try:
        yield
    finally:
        os.umask(before)


def ask(path: Path) -> Report:
    """The status of the proxy that tells it there. Raises :class:`ConfigError`."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_SECONDS)
            connection.connect(str(path))
            return msgspec.json.decode(_all_of(connection), type=Report)
    except (FileNotFoundError, ConnectionRefusedError):
        raise ConfigError(f"no proxy tells its status at {path}") from None
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"no status at {path}: {error}") from None


def _all_of(connection: socket.socket) -> bytes:
    octets = bytearray()
    while len(octets) < _MOST_OCTETS and (more := connection.recv(2**16)):
        octets += more
    return bytes(octets)


def ask_all() -> list[Report]:
    """The status of every proxy of this user, and of the system's."""
    directories = dict.fromkeys((status_directory(), _SYSTEM_DIRECTORY))
    reports = []
    for directory in directories:
        with suppress(PermissionError):
            for path in sorted(directory.glob(f"*{_SUFFIX}")):
                with suppress(ConfigError):
                    reports.append(ask(path))
    return reports
