"""A careful mail program: what it is not told to have happened it looks for, and does again."""

import re
import threading
from collections.abc import Callable
from typing import Self

from tests.real.dovecot import Account
from tests.real.raw import Closed, RawClient, Response

_TAGGED = re.compile(rb"[^*+]")
# So often one thing is tried, with a break each time, before something else must be wrong.
_PATIENCE = 60
# As people do: who was sent away several times waits a little and begins anew.
_PAUSES_AFTER = 3
_PAUSE = 0.2  # seconds


class Unanswered(Exception):
    """What became of the command is not known: look."""


class WrongAnswer(AssertionError):
    """Something that no break explains."""


class MailProgram:
    """One program at a time is connected to the proxy, whose ``port`` may change.

    ``sent_away`` counts connections that were closed, ``offline`` those to what is kept alone,
    ``unknown`` commands of whose outcome nothing could be said, ``commands`` the others.
    """

    def __init__(self, port: Callable[[], int], account: Account) -> None:
        self._port = port
        self._account = account
        self._client: RawClient | None = None
        self._selected = b""
        self._tags = 0
        self._pause = threading.Event()
        self.commands = 0
        self.sent_away = 0
        self.unknown = 0
        self.offline = 0

    # -- commands --------------------------------------------------------------------------

    def ask(self, command: bytes) -> list[Response]:
        """The responses to a command, the tagged one last. Raises :class:`Unanswered`."""
        self._tags += 1
        tag = b"c%d" % self._tags
        try:
            responses = self._connected().command(command, tag)
        except Closed as closed:
            self._check(closed.responses, tag)
            self._forget()
            raise Unanswered(f"closed instead of an answer to {command[:60]!r}") from None
        self._check(responses[:-1], b"")
        text = responses[-1].octets.removeprefix(tag + b" ")
        if text.startswith(b"NO [UNAVAILABLE]"):
            self.unknown += 1
            raise Unanswered(text.decode())
        if not text.startswith(b"OK"):
            raise WrongAnswer(f"{command[:200]!r} was answered {text!r}")
        self.commands += 1
        return responses

    def _check(self, responses: list[Response], tag: bytes) -> None:
        """Each command is answered once: there is no other tag than the one that is waited for."""
        for response in responses:
            if _TAGGED.match(response.first_word) and response.first_word != tag:
                raise WrongAnswer(f"a second answer: {response.octets[:200]!r}")

    def _connected(self) -> RawClient:
        if self._client is None:
            client = self._client = RawClient(self._port())
            self._selected = b""
            user, password = self._account.user, self._account.password
            *before, tagged = client.command(f"LOGIN {user} {password}".encode(), b"login")
            answer = tagged.octets
            if any(b"[ALERT]" in response.octets for response in before):
                self.offline += 1
                raise Closed([], answer)  # what is told offline is not the whole truth
            if answer.startswith(b"login NO [UNAVAILABLE]"):
                raise Closed([], answer)
            if not answer.startswith(b"login OK"):
                raise WrongAnswer(f"LOGIN was answered {answer!r}")
        return self._client

    def _forget(self) -> None:
        if self._client is not None:
            self._client.close()
            self.sent_away += 1
        self._client = None

    def select(self, mailbox: bytes) -> None:
        """Have a mailbox selected."""
        if self._client is None or self._selected != mailbox:
            self.ask(b"SELECT " + mailbox)
            self._selected = mailbox

    # -- what programs do ------------------------------------------------------------------

    def surely(self, act: Callable[[], None], is_done: Callable[[], bool] | None = None) -> None:
        """Do something, once: where that is not known, ``is_done`` looks; without it, again."""
        doubtful = False
        for attempt in range(_PATIENCE):
            try:
                if doubtful and is_done is not None and is_done():
                    return
                doubtful = False
                act()
                return
            except (Unanswered, ConnectionRefusedError):
                doubtful = True
                if attempt > _PAUSES_AFTER:
                    self.close()
                    self._pause.wait(_PAUSE)
        raise WrongAnswer(f"{act} did not succeed in {_PATIENCE} attempts")

    def uid_of(self, mailbox: bytes, name: bytes) -> int:
        """The UID of the message with this Message-ID; 0 if there is none."""
        self.select(mailbox)
        responses = self.ask(b"UID SEARCH HEADER Message-ID <%b>" % name)
        found = next(r.octets for r in responses if r.octets.startswith(b"* SEARCH"))
        uids = found.split()[2:]
        if len(uids) > 1:
            raise WrongAnswer(f"{name!r} is there {len(uids)} times")
        return int(uids[0]) if uids else 0

    def body(self, mailbox: bytes, name: bytes) -> bytes:
        """The octets of a message."""
        return self._item(mailbox, name, b"BODY.PEEK[]").fragments[1]

    def flags(self, mailbox: bytes, name: bytes) -> frozenset[bytes]:
        """The flags of a message."""
        line = self._item(mailbox, name, b"FLAGS").octets
        return frozenset(line.partition(b"FLAGS (")[2].partition(b")")[0].split())

    def _item(self, mailbox: bytes, name: bytes, item: bytes) -> Response:
        uid = self.uid_of(mailbox, name)
        responses = self.ask(b"UID FETCH %d (UID %b)" % (uid, item))
        wanted = item.replace(b".PEEK", b"")
        for response in responses[:-1]:
            octets = response.fragments[0]
            if b" FETCH (" in octets and wanted in octets and b"UID %d" % uid in response.octets:
                return response
        raise WrongAnswer(f"no {item!r} of {name!r} among {responses!r}")

    def close(self) -> None:
        """Log out, or hang up."""
        if self._client is not None:
            self._client.close()
        self._client = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
