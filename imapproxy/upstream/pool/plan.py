"""What becomes of the connections of one account: a decision without I/O and without a clock."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

from imapproxy.upstream.pool.fingerprint import same
from imapproxy.upstream.pool.rules import PoolRules


class Stage(Enum):
    """What a connection is doing. In each of these it counts for the server."""

    OPENING = "opening"
    IN_USE = "in use"
    #: Its session is over; the mailbox that was selected is being left.
    TIDYING = "tidying"
    PARKED = "parked"
    CLOSING = "closing"


@dataclass(slots=True, eq=False)
class Slot:
    """One connection of an account. ``credential`` is the fingerprint of its log-in.

    ``logged_in_at`` and ``parked_at`` are moments of one clock, in seconds.
    """

    credential: bytes
    stage: Stage = Stage.OPENING
    logged_in_at: float = 0.0
    parked_at: float = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a session."""
        return self.stage is Stage.PARKED

    def is_too_old(self, now: float, rules: PoolRules) -> bool:
        """Whether the server should hear the password again."""
        return now - self.logged_in_at >= rules.max_age

    def has_expired(self, now: float, rules: PoolRules) -> bool:
        """Whether it has waited for long enough."""
        waited = now - self.parked_at
        return self.is_idle and (waited >= rules.idle_timeout or self.is_too_old(now, rules))

    def is_available(self, credential: bytes, now: float, rules: PoolRules) -> bool:
        """Whether a session that logs in with ``credential`` may have it."""
        return (
            self.is_idle and not self.has_expired(now, rules) and same(self.credential, credential)
        )

    def needs_probe(self, now: float, rules: PoolRules) -> bool:
        """Whether it was parked for so long that it may have died unnoticed."""
        return now - self.parked_at > rules.probe_after


@dataclass(slots=True, eq=False)
class Wish:
    """A session that waits for a connection; ``credential`` is the fingerprint of its log-in."""

    credential: bytes


S = TypeVar("S", bound=Slot)
W = TypeVar("W", bound=Wish)


class Plan(NamedTuple, Generic[W, S]):
    """Which parked connections go to whom, for whom to open one, and which to close.

    Who is in none of them waits on.
    """

    hand_out: tuple[tuple[W, S], ...]
    open: tuple[W, ...]
    close: tuple[S, ...]


def plan(
    slots: Sequence[S], wishes: Sequence[W], rules: PoolRules, *, now: float, limit: int | None
) -> Plan[W, S]:
    """Decide for one account; ``limit`` is how many connections it may have, ``None`` is any.

    First come, first served, but for who can have a connection that nobody before can use. The one
    that was used last is handed out first: the others may then expire. Where there is no room,
    parked ones that fit nobody are closed; the room is there when they are gone, not before.
    """
    idle = sorted((slot for slot in slots if slot.is_idle), key=lambda slot: slot.parked_at)
    close = [slot for slot in idle if slot.has_expired(now, rules)]
    idle = [slot for slot in idle if not slot.has_expired(now, rules)]
    hand_out, unserved = _served(idle, wishes, now, rules)
    room = (math.inf if limit is None else limit) - len(slots)
    leaving = len(close) + sum(slot.stage is Stage.CLOSING for slot in slots)
    opened = []
    for wish in _without_promise(slots, unserved):
        if room > 0:
            room -= 1
            opened.append(wish)
        elif leaving > 0:
            leaving -= 1
        elif idle:
            close.append(idle.pop(0))
    surplus = max(len(idle) - rules.per_account, 0)
    return Plan(tuple(hand_out), tuple(opened), (*close, *idle[:surplus]))


def _served(
    idle: list[S], wishes: Sequence[W], now: float, rules: PoolRules
) -> tuple[list[tuple[W, S]], list[W]]:
    """Who gets which parked connection, taken out of ``idle``, and who gets none."""
    hand_out = []
    unserved = []
    for wish in wishes:
        fitting = [slot for slot in idle if slot.is_available(wish.credential, now, rules)]
        if fitting:
            idle.remove(fitting[-1])
            hand_out.append((wish, fitting[-1]))
        else:
            unserved.append(wish)
    return hand_out, unserved


def _without_promise(slots: Sequence[S], wishes: Sequence[W]) -> list[W]:
    """Those for whom no fitting connection is being tidied: that is quicker than a new one."""
    tidying = [slot for slot in slots if slot.stage is Stage.TIDYING]
    without = []
    for wish in wishes:
        fitting = [slot for slot in tidying if same(slot.credential, wish.credential)]
        if fitting:
            tidying.remove(fitting[0])
        else:
            without.append(wish)
    return without
