"""How much of everything the clients of a service may have."""

from dataclasses import dataclass

from imapproxy.wire.framing import CLIENT_MAX_LINE

# Who counts nothing, counts on: from this machine every program comes from one address.
_SESSIONS_OF_ANOTHER_MACHINE = 100


@dataclass(frozen=True)
class Limits:
    """Sizes in octets, times in seconds.

    ``max_line``: of one line of a command. ``max_login_octets``: of a whole command before log-in.
    ``login_timeout``: from the connection to a successful log-in.

    ``max_unauthenticated`` and ``max_sessions``: connections of all listeners at a time.
    ``max_sessions_per_address`` and ``max_sessions_per_account``: the same of one client address
    and of one account; ``None`` is no limit but :meth:`sessions_of_address`.

    ``max_login_failures`` and ``max_bad_commands``: of one connection before log-in, then it is
    closed. ``max_login_delay``: what the answer to a failed log-in is held back at most.
    ``max_refused_logins``: log-ins of one account that the upstream may refuse within
    :data:`imapproxy.listener.attempts.WINDOW`; more are not sent to it.

    ``max_pipelined``: commands of one client in flight; a client with more is not read until some
    are answered. ``drain_grace``: what commands under way get when the proxy is told to stop.
    """

    max_line: int = CLIENT_MAX_LINE
    max_login_octets: int = 16 * 1024
    login_timeout: float = 60.0
    max_unauthenticated: int = 200
    max_sessions: int = 2000
    max_sessions_per_address: int | None = None
    max_sessions_per_account: int | None = None
    max_login_failures: int = 5
    max_login_delay: float = 10.0
    max_refused_logins: int = 10
    max_bad_commands: int = 20
    max_pipelined: int = 1000
    drain_grace: float = 5.0

    def sessions_of_address(self, *, this_machine: bool) -> int | None:
        """How many connections one address may have, if not all of them."""
        if self.max_sessions_per_address is None and not this_machine:
            return _SESSIONS_OF_ANOTHER_MACHINE
        return self.max_sessions_per_address
