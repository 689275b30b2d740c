"""How much of everything a listener lets its clients have."""

from dataclasses import dataclass

from imapproxy.wire.framing import CLIENT_MAX_LINE


@dataclass(frozen=True)
class Limits:
    """Sizes in octets, times in seconds.

    ``max_line``: of one line of a command. ``max_login_octets``: of a whole command before log-in.
    ``login_timeout``: from the connection to a successful log-in. ``max_unauthenticated`` and
    ``max_sessions``: connections of one listener at a time. ``max_login_failures`` and
    ``max_bad_commands``: of one connection before log-in, then it is closed. ``max_pipelined``:
    commands of one client in flight; a client with more is not read until some are answered.
    ``drain_grace``: what commands under way get when the proxy is told to stop.
    """

    max_line: int = CLIENT_MAX_LINE
    max_login_octets: int = 16 * 1024
    login_timeout: float = 60.0
    max_unauthenticated: int = 200
    max_sessions: int = 2000
    max_login_failures: int = 5
    max_bad_commands: int = 20
    max_pipelined: int = 1000
    drain_grace: float = 5.0
