"""How many connections may wait for a session, and for how long."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolRules:
    """Times are in seconds.

    ``per_account`` and ``in_all`` bound the connections that are parked; with none no connection
    is, and what the server allows an account is kept to all the same. One that was parked for
    ``idle_timeout`` is closed, and ``max_age`` behind its log-in none is parked again: so often at
    least the server hears the password. Longer than ``probe_after`` in the pool, it has to answer a
    NOOP before it is given out. ``wait`` is how long a log-in waits for a connection to come free.
    """

    per_account: int = 2
    in_all: int = 100
    idle_timeout: float = 300.0
    max_age: float = 3600.0
    probe_after: float = 30.0
    wait: float = 20.0


#: For one session that has no successor.
NOTHING_PARKED = PoolRules(per_account=0)
