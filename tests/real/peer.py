"""Where a mail program is let loose: at the proxy in front of Dovecot, or at the fake server.

It has to work the same with both; what it did is asked of the server itself.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.real.dovecot import Account, Dovecot
from tests.real.fake import FakeAccount, FakeServer

Server = Dovecot | FakeServer
AnyAccount = Account | FakeAccount


@dataclass(frozen=True)
class Peer:
    """The ports that the program is told, and the server that has the mail.

    ``stdio`` is the command for one session on standard input and output, empty where there is
    none.
    """

    server: Server
    port: int
    tls_port: int
    ca_file: Path
    stdio: str = ""
