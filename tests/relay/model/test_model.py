"""Whatever a client says, however it is cut, and whatever others do: all that it hears is true."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from twisted.internet.task import Clock

from imapproxy.cache.memory_store import MemoryStore
from imapproxy.cache.store import Mailbox
from tests.relay.cached import ACCOUNT, Cached
from tests.relay.failing_store import FailingStore
from tests.relay.model.pair import Pair
from tests.relay.model.world import ANSWERS, SEEN, World

_ASKED = sorted(ANSWERS.keys() - {b"BODY[]<0.1>", b"BODY.PEEK[]<0.1>"})
_NAMES = st.sampled_from([b"INBOX", b"Other"])
_ENDS = st.sampled_from([b"1", b"2", b"3", b"4", b"6", b"*"])
_RANGES = st.one_of(_ENDS, st.tuples(_ENDS, _ENDS).map(b":".join), st.just(b"1:*"))
_SETS = st.lists(_RANGES, min_size=1, max_size=2).map(b",".join)
_FLAG = st.sampled_from([SEEN, b"\\Deleted", b"\\Flagged"])
_COUNT = st.integers(1, 3)
_OCTETS = st.one_of(st.integers(1, 40), st.integers(41, 200_000))


def _attributes(names: list[bytes]) -> bytes:
    return b"(" + b" ".join(names) + b")"


def _do_not_clash(names: list[bytes]) -> bool:
    answers = [ANSWERS[name][0] for name in names]
    return len(set(answers)) == len(answers)


# A few requests that come again and again, as programs do, and any others.
_USUAL = st.sampled_from(
    [b"(UID ENVELOPE)", b"(FLAGS UID ENVELOPE)", b"(UID)", b"(BODY.PEEK[])", b"(UID BODY[])"]
)
_READING = st.sampled_from([b"(UID ENVELOPE)", b"(UID BODY.PEEK[])"])
_WHICH = st.integers(0, 3)
_ANY = (
    st.lists(st.sampled_from(_ASKED), min_size=1, max_size=3, unique=True)
    .filter(_do_not_clash)
    .map(_attributes)
)


class CacheMachine(RuleBasedStateMachine):
    """Two mailboxes, a store that stays, and one session after the other."""

    @initialize(exact=st.booleans(), tells_uid=st.booleans(), flags_first=st.booleans())
    def begin(self, exact, tells_uid, flags_first):
        self.world = World()
        self.store = FailingStore(MemoryStore(Clock()))
        self.cached = Cached(exact=exact, store=self.store)
        self.known = None  # what was read of everything, and how
        self.style = {"tells_uid": tells_uid, "flags_first": flags_first}
        self._new_session()

    def _new_session(self):
        self.pair = Pair(self.cached, self.world, **self.style)
        self.pair.says(b"SELECT", b"INBOX")
        self.pair.settle()

    def _is_free(self):
        if self.pair.closed:
            return False
        # After IDLE a client says nothing but DONE.
        return not any(said.name in (b"IDLE", b"LOGOUT") for said in self.pair.client.said)

    # -- the client ---------------------------------------------------------------------------

    @precondition(_is_free)
    @rule(by_uid=st.booleans(), numbers=_SETS, asked=st.one_of(_USUAL, _ANY))
    def fetch(self, by_uid, numbers, asked):
        self.pair.says(b"UID FETCH" if by_uid else b"FETCH", numbers + b" " + asked)

    @precondition(_is_free)
    @rule(by_uid=st.booleans(), numbers=_SETS, asked=_USUAL)
    def fetch_twice(self, by_uid, numbers, asked):
        name = b"UID FETCH" if by_uid else b"FETCH"
        self.pair.says(name, numbers + b" " + asked)
        self.pair.settle()
        self.pair.says(name, b"1:* " + asked)

    @precondition(_is_free)
    @rule(by_uid=st.booleans(), asked=_USUAL)
    def read_everything(self, by_uid, asked):
        name = b"UID FETCH" if by_uid else b"FETCH"
        for command in (b"NOOP", name, name):
            self.pair.says(command, b"" if command == b"NOOP" else b"1:* " + asked)
            self.pair.settle()
        self.known = name, asked

    @precondition(lambda self: self._is_free() and self.known is not None)
    @rule(numbers=_SETS)
    def read_again(self, numbers):
        self.pair.says(self.known[0], numbers + b" " + self.known[1])

    @rule(asked=_READING, missing=st.sets(_WHICH, max_size=2), gone=_WHICH, which=_WHICH)
    def read_in_parts(self, asked, missing, gone, which):
        """Some is held and some is not, and while it is answered somebody expunges a message."""
        self._open_inbox()
        self._read(b"UID FETCH", asked, times=3)
        box = self.world.boxes[b"INBOX"]
        mailbox = Mailbox(ACCOUNT, b"INBOX", b"", box.uid_validity)
        self.store.writer.forget(
            mailbox, [box.messages[i].uid for i in missing if box.messages[i:]]
        )
        self.pair.says(b"UID FETCH", b"1:* " + asked)
        self.pair.client_sends()
        self.expunge(b"INBOX", gone)
        for _ in range(3):
            self.pair.server_answers(1, which)
            self.pair.server_sends()
        self.settle()

    @rule(asked=_READING, gone=st.sets(_WHICH, max_size=2), come=st.integers(0, 3))
    def come_back(self, asked, gone, come):
        """A mailbox was left, and is not as it was when it is opened again."""
        self._open_inbox()
        self._read(b"UID FETCH", asked, times=2)
        self.pair.client_goes()
        for which in gone:
            self.expunge(b"INBOX", which)
        for _ in range(come):
            self.deliver(b"INBOX")
        self._new_session()
        self._read(b"FETCH", asked, times=3)

    def _open_inbox(self):
        """A mailbox with four messages, and a session that has opened it."""
        self.settle()
        if any(said.name == b"LOGOUT" for said in self.pair.client.said):
            self._new_session()
        while len(self.world.boxes[b"INBOX"].messages) < 4:
            self.deliver(b"INBOX")
        self.pair.says(b"SELECT", b"INBOX")
        self.settle()

    def _read(self, name, asked, times):
        """Read all messages; the second time what is held, the third time as it was learned."""
        for _ in range(times):
            self.pair.says(name, b"1:* " + asked)
            self.settle()

    @precondition(_is_free)
    @rule(name=st.sampled_from([b"NOOP", b"CHECK", b"EXPUNGE", b"IDLE"]))
    def simple(self, name):
        self.pair.says(name)

    @precondition(_is_free)
    @rule(name=st.sampled_from([b"XYZZY", b"CLOSE"]), then=_NAMES)
    def leave(self, name, then):
        self.pair.says(name)
        self.pair.says(b"SELECT", then)

    @precondition(_is_free)
    @rule(name=st.sampled_from([b"SEARCH", b"UID SEARCH"]))
    def search(self, name):
        self.pair.says(name, b"ALL")

    @precondition(_is_free)
    @rule(name=_NAMES, examine=st.booleans())
    def select(self, name, examine):
        self.pair.says(b"EXAMINE" if examine else b"SELECT", name)

    @precondition(_is_free)
    @rule(by_uid=st.booleans(), numbers=_SETS, flag=_FLAG, silent=st.booleans(), add=st.booleans())
    def store(self, by_uid, numbers, flag, silent, add):
        item = (b"+" if add else b"-") + b"FLAGS" + (b".SILENT" if silent else b"")
        self.pair.says(b"UID STORE" if by_uid else b"STORE", b"%b %b (%b)" % (numbers, item, flag))

    @precondition(_is_free)
    @rule(
        name=st.sampled_from([b"COPY", b"MOVE", b"UID COPY", b"UID MOVE"]),
        numbers=_RANGES,
        to=_NAMES,
    )
    def copy(self, name, numbers, to):
        self.pair.says(name, numbers + b" " + to)

    @precondition(lambda self: self.pair.client.idling)
    @rule()
    def done(self):
        self.pair.client.idling = False
        self.pair.says_line(b"DONE\r\n")

    # -- the wires ------------------------------------------------------------------------------

    @rule(octets=_OCTETS)
    def client_sends(self, octets):
        self.pair.client_sends(octets)

    @rule(commands=_COUNT, which=st.integers(0, 3))
    def server_answers(self, commands, which):
        self.pair.server_answers(commands, which)

    @rule(octets=_OCTETS)
    def server_sends(self, octets):
        self.pair.server_sends(octets)

    @rule(seconds=st.sampled_from([0.0, 0.0, 31.0]))
    def time_passes(self, seconds):
        self.pair.time_passes(seconds)

    @rule(paused=st.booleans())
    def client_pauses(self, paused):
        self.pair.client_pauses(paused=paused)

    @rule()
    def settle(self):
        self.pair.settle()
        if self.pair.closed:  # it had begun an answer that could not be finished
            self._new_session()

    # -- the disk -------------------------------------------------------------------------------

    @rule(skip=st.integers(0, 5), times=st.integers(1, 3))
    def disk_fails(self, skip, times):
        self.store.fail(skip, times)

    @rule(name=_NAMES, uid=st.integers(1, 9))
    def evict(self, name, uid):
        box = self.world.boxes[name]
        self.store.writer.forget(Mailbox(ACCOUNT, name, b"", box.uid_validity), [uid])

    # -- others ---------------------------------------------------------------------------------

    @rule(name=_NAMES)
    def deliver(self, name):
        self.world.deliver(self.world.boxes[name])

    @rule(name=_NAMES, which=st.integers(0, 5))
    def expunge(self, name, which):
        box = self.world.boxes[name]
        if box.messages:
            self.world.expunge(box, box.messages[which % len(box.messages)])

    @rule(name=_NAMES, which=st.integers(0, 5), flag=_FLAG)
    def flag(self, name, which, flag):
        messages = self.world.boxes[name].messages
        if messages:
            message = messages[which % len(messages)]
            self.world.set_flags(message, message.flags ^ {flag})

    @rule(name=_NAMES)
    def renew(self, name):
        self.world.renew(self.world.boxes[name])

    # -- ends -------------------------------------------------------------------------------------

    @rule(how=st.sampled_from(["client", "server", "logout"]))
    def reconnect(self, how):
        if how == "client":
            self.pair.client_goes()
        elif how == "server":
            self.pair.server_goes()
            assert self.pair.closed
        else:
            self.pair.settle()
            self.pair.says(b"LOGOUT")
            self.pair.settle()
        self._new_session()

    def teardown(self):
        if hasattr(self, "pair") and not self.pair.broken:
            self.pair.settle()


TestCache = CacheMachine.TestCase
TestCache.settings = settings(
    deadline=None,
    max_examples=150,
    stateful_step_count=40,
    suppress_health_check=list(HealthCheck),
)
