"""One of the two clients of a script: it does a step and hands on what it was told."""

import re
from dataclasses import dataclass
from typing import Protocol

from tests.real.dovecot import Account
from tests.real.normalise import Normaliser
from tests.real.raw import Closed, RawClient, Response, Silent
from tests.real.steps import After, Step


class Server(Protocol):
    """What a client connects to: Dovecot, or a proxy before it."""

    @property
    def port(self) -> int:
        """The port at the moment."""

    def restart(self, *, kill: bool) -> None:
        """End it and start it again. What serves others too may leave that out."""


@dataclass(frozen=True)
class Straight:
    """Dovecot itself: what restarts is the proxy, and here is none."""

    port: int

    def restart(self, *, kill: bool) -> None:
        """Nothing to be done."""


@dataclass(frozen=True)
class Taken:
    """What came of a step.

    ``early`` came before anything was sent, ``responses`` are all, those among them; ``ending`` is
    how it ended if not with a response; ``answer`` is the normalised whole, to be compared.
    """

    early: list[Response]
    responses: list[Response]
    ending: list[bytes]
    answer: list[bytes]

    @property
    def reconnected(self) -> bool:
        """Whether the step ended with a new connection."""
        return bool(self.ending)


class Participant:
    """One of the two clients: a connection, made anew when the script says so or the server."""

    def __init__(self, server: Server, account: Account, *, steady: bool = False) -> None:
        self._server = server
        self._account = account
        self._normaliser = Normaliser(steady)
        self._client = self._connect()

    def take(self, step: Step) -> Taken:
        """Do a step and return the answer."""
        # Where nothing is waited for, what had arrived by then would be chance.
        early = self._client.arrived() if step.tags or step.event else []
        responses = list(early)
        ending = self._converse(step, responses)
        answer = [*self._normaliser.normalise(responses), *ending]
        if step.after in (After.RESTART, After.KILL):
            self._client.close()
            self._server.restart(kill=step.after is After.KILL)
        if step.after is not After.NOTHING or ending:
            ending = ending or [step.after.name.encode()]
            self._reconnect()
        return Taken(early, responses, ending, answer)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _converse(self, step: Step, responses: list[Response]) -> list[bytes]:
        """Add the responses; return how it ended if not with the last of them."""
        try:
            self._send_and_read(step, responses)
        except Closed as closed:
            responses += closed.responses
            return [b"closed", closed.rest]
        except Silent as silent:
            responses += silent.responses
            return [b"silent", silent.rest]
        if step.after is After.LOGOUT:
            return [b"end", self._client.read_to_end()]
        return []

    def _send_and_read(self, step: Step, responses: list[Response]) -> None:
        tags = set(step.tags)
        for number, segment in enumerate(step.segments):
            self._client.send(self._normaliser.fill(segment))
            if number < len(step.segments) - 1:
                ends = {b"+", *tags}
                responses += self._client.read_until(lambda r, ends=ends: r.first_word in ends)
                if responses[-1].first_word in tags:
                    return
        if step.event:
            self._await_event(re.compile(step.event), responses)
        while tags:
            responses += self._client.read_until(lambda r: r.first_word in tags)
            tags.discard(responses[-1].first_word)

    def _await_event(self, event: re.Pattern[bytes], responses: list[Response]) -> None:
        if not any(event.match(response.octets) for response in responses):
            responses += self._client.read_until(lambda r: bool(event.match(r.octets)))

    def _connect(self) -> RawClient:
        client = RawClient(self._server.port)
        client.ok(f"LOGIN {self._account.user} {self._account.password}".encode(), b"login")
        return client

    def _reconnect(self) -> None:
        self._client.close()
        self._client = self._connect()
