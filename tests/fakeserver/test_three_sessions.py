r"""Three sessions on one mailbox against the rules of RFC 3501 that each of them lives by.

Each client keeps what a real one keeps: how many messages there are, which UID and which flags the
server told of each. The rules: EXPUNGE comes only where it may, numbers always fit, what the
clients believe after a NOOP is what is so, and a message is ``\Recent`` for at most one of them.
"""

import re

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.fakeserver.messages import MESSAGES
from tests.fakeserver.peers import MemoryServer
from tests.fakeserver.talk import ask, logged_in, new_home

RESPONSE = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE|RECENT|FETCH)(.*)\r\n", re.DOTALL)
SIMPLE = MESSAGES["simple"]

sessions = st.integers(0, 2)
numbers = st.integers(1, 6)
flags = st.sampled_from([b"\\Seen", b"\\Flagged", b"\\Deleted", b"key", b"Other"])


class Client:
    """One session, and what it believes."""

    def __init__(self, home: MemoryServer) -> None:
        self.peer = logged_in(home)
        self.uids: list[int | None] = []
        self.flags: list[set[bytes] | None] = []
        self.recent: set[int] = set()
        self.give(b"SELECT INBOX")
        self.learn()

    def learn(self) -> None:
        """Ask for what is not known yet."""
        if self.uids:
            self.give(b"FETCH 1:* (UID FLAGS)")

    def give(self, command: bytes, *, may_expunge: bool = True) -> bytes:
        responses = ask(self.peer, command)
        for response in responses[:-1]:
            self.hear(response, may_expunge=may_expunge)
        return responses[-1]

    def hear(self, response: bytes, *, may_expunge: bool) -> None:
        found = RESPONSE.fullmatch(response)
        if found is None:
            return
        number, kind = int(found[1]), found[2]
        if kind == b"EXISTS":
            assert number >= len(self.uids)
            new = number - len(self.uids)
            self.uids += [None] * new
            self.flags += [None] * new
        elif kind == b"EXPUNGE":
            assert may_expunge
            assert 1 <= number <= len(self.uids)
            del self.uids[number - 1], self.flags[number - 1]
        elif kind == b"FETCH":
            assert 1 <= number <= len(self.uids)
            self.hear_fetch(number - 1, found[3])

    def hear_fetch(self, place: int, items: bytes) -> None:
        uid = re.search(rb"UID (\d+)", items)
        if uid is not None:
            assert self.uids[place] in (None, int(uid[1]))
            self.uids[place] = int(uid[1])
        told = re.search(rb"FLAGS \((.*?)\)", items)
        if told is not None:
            self.flags[place] = set(told[1].split()) - {b"\\Recent"}
            known = self.uids[place]
            if b"\\Recent" in told[1] and known is not None:
                self.recent.add(known)


class ThreeSessions(RuleBasedStateMachine):
    """Random commands of three clients."""

    @initialize(count=st.integers(0, 4))
    def begin(self, count: int) -> None:
        self.home = new_home()
        for _ in range(count):
            self.home.server.deliver(SIMPLE)
        self.clients = [Client(self.home) for _ in range(3)]

    @rule(who=sessions)
    def append(self, who: int) -> None:
        reply = self.clients[who].give(b"APPEND INBOX {%d+}\r\n%b" % (len(SIMPLE), SIMPLE))
        assert reply.startswith(b"t OK ")

    @rule()
    def deliver(self) -> None:
        self.home.server.deliver(SIMPLE)

    @rule(who=sessions, number=numbers, flag=flags, how=st.sampled_from([b"+", b"-", b""]))
    def store(self, who: int, number: int, flag: bytes, how: bytes) -> None:
        client = self.clients[who]
        known = len(client.uids)
        reply = client.give(b"STORE %d %bFLAGS (%b)" % (number, how, flag), may_expunge=False)
        assert reply.startswith(b"t BAD ") is (number > known)

    @rule(who=sessions, number=numbers, flag=flags)
    def store_silently(self, who: int, number: int, flag: bytes) -> None:
        client = self.clients[who]
        reply = client.give(b"STORE %d +FLAGS.SILENT (%b)" % (number, flag), may_expunge=False)
        if not reply.startswith(b"t OK "):
            return
        # As a client does: what it knew, and the flag. Where somebody else had changed it
        # meanwhile the server has to tell, which it has by now.
        known = client.flags[number - 1]
        if known is not None:
            names = {name.lower() for name in known}
            client.flags[number - 1] = known if flag.lower() in names else {*known, flag}

    @rule(who=sessions)
    def expunge(self, who: int) -> None:
        assert self.clients[who].give(b"EXPUNGE").startswith(b"t OK ")

    @rule(who=sessions, number=numbers)
    def fetch(self, who: int, number: int) -> None:
        client = self.clients[who]
        known = len(client.uids)
        reply = client.give(b"FETCH %d (UID FLAGS BODY[TEXT])" % number, may_expunge=False)
        assert reply.startswith(b"t OK ") is (number <= known)

    @rule(who=sessions)
    def search(self, who: int) -> None:
        client = self.clients[who]
        found = ask(client.peer, b"SEARCH ALL")
        for response in found[:-1]:
            client.hear(response, may_expunge=False)
        numbers = [int(number) for number in found[0].split()[2:]]
        assert numbers == list(range(1, len(numbers) + 1))

    @rule(who=sessions)
    def move(self, who: int) -> None:
        self.clients[who].give(b"UID MOVE * INBOX")

    @rule(who=sessions)
    def be_up_to_date(self, who: int) -> None:
        client = self.clients[who]
        client.give(b"NOOP")
        believed = list(client.flags)
        client.learn()
        messages = self.home.server.mailbox().messages
        assert client.uids == [message.uid for message in messages]
        assert client.flags == [set(message.flags) for message in messages]
        for before, message in zip(believed, messages, strict=True):
            assert before is None or before == set(message.flags)

    @invariant()
    def recent_for_one_alone(self) -> None:
        seen: set[int] = set()
        for client in getattr(self, "clients", ()):
            assert not client.recent & seen
            seen |= client.recent


TestThreeSessions = ThreeSessions.TestCase
TestThreeSessions.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
