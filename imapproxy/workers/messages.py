"""What the parent process and its workers say to each other, each a line of JSON.

The channel is a pair of sockets without a name that only the two have, so nothing of this is on a
command line or in the environment. A configuration holds no secrets, but for the paths to some.
"""

import msgspec

from imapproxy.config import Config
from imapproxy.status import ProcessStatus


class Begin(msgspec.Struct, frozen=True, tag=True):
    """The first message: which worker it is, and how it logs."""

    worker: int
    verbose: bool
    log_json: bool


class Settle(msgspec.Struct, frozen=True, tag=True):
    """Go over to a configuration, whose paths are relative to ``base``; answered by Settled."""

    config: Config
    base: str


class Take(msgspec.Struct, frozen=True, tag=True):
    """A client's connection comes along, as a file descriptor; answered by Load."""


class Tell(msgspec.Struct, frozen=True, tag=True):
    """Tell the status; answered by Told."""


class Drain(msgspec.Struct, frozen=True, tag=True):
    """End in order."""


class Cut(msgspec.Struct, frozen=True, tag=True):
    """Wait for no session any more."""


class Settled(msgspec.Struct, frozen=True, tag=True):
    """The configuration is in force; or ``error`` says why it is not, and the old one stays."""

    error: str = ""


class Load(msgspec.Struct, frozen=True, tag=True):
    """How many connections the worker has, and how many it was given since its start."""

    sessions: int
    taken: int


class Told(msgspec.Struct, frozen=True, tag=True):
    """The worker's status."""

    status: ProcessStatus


ToWorker = Begin | Settle | Take | Tell | Drain | Cut
ToParent = Settled | Load | Told
