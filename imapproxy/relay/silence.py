"""Noticing a partner that owes an answer and says nothing.

TCP keepalive (:mod:`imapproxy.upstream.keepalive`) tells of a machine that is gone. It tells
nothing where something on the way still answers for it: a tunnel, a NAT box that speaks TCP itself,
a server whose process hangs. There only the silence tells.
"""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall

from imapproxy.relay.session_state import SessionState
from imapproxy.upstream.errors import UpstreamUnavailable
from imapproxy.upstream.exchange import Exchange

# How often it is looked, in the time after which silence is too long. Looking now and then costs
# nothing where commands pass; a timer that each of them starts anew would.
_LOOKS = 4


class Silence:
    """Ends a partner's connection when an answer was due for ``seconds``, or less by a quarter, and
    not an octet came; never with 0. In an IDLE nothing is due: after as long a silence ``renew`` is
    called, that has something said to which an answer is due.
    """

    def __init__(self, state: SessionState, seconds: float, renew: Callable[[], None]) -> None:
        self._state = state
        self._seconds = seconds
        self._renew = renew
        self._due: Exchange | None = None  # what was due when it was looked last
        self._quiet = 0  # looks in a row at which it was, and nothing had come
        self._timer: IDelayedCall | None = None
        if seconds:
            self._wait()

    def stop(self) -> None:
        """The session is over."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _wait(self) -> None:
        self._timer = self._state.clock.callLater(self._seconds / _LOOKS, self._look)

    def _look(self) -> None:
        self._wait()
        state = self._state
        heard, state.heard = state.heard, False
        due = next(iter(state.partner.in_flight), None)
        if heard or due is None or due is not self._due or self._is_excused:
            self._due, self._quiet = due, 0
            return
        self._quiet += 1
        if self._quiet < _LOOKS - 1:
            return
        self._quiet = 0
        if due is state.continued and state.idling and state.renewing is None:
            self._renew()
        else:
            self._give_up()

    @property
    def _is_excused(self) -> bool:
        """Whether the silence is not the partner's: the client has something to say or to take."""
        state = self._state
        waits_for_client = state.half_written is not None and state.undecided is None
        return waits_for_client or state.outbox.holds_upstream

    def _give_up(self) -> None:
        partner = self._state.partner
        reason = f"{partner.name} owes an answer and says nothing for {self._seconds:g} seconds"
        partner.fail(UpstreamUnavailable(reason))
