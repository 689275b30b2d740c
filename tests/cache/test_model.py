"""The store on disk and the one in memory, told the same, hold the same."""

import tempfile
from array import array
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from imapproxy.cache.memory_store import MemoryStore
from imapproxy.cache.sqlite.store import open_store
from imapproxy.cache.store import ATTRIBUTES, Form, Mailbox, Need, UidList
from tests.cache.waiting import Waiting

ACCOUNTS = (b"anna", b"bert")
MAILBOXES = [
    Mailbox(account, name, mailbox_id, uid_validity)
    for account in ACCOUNTS
    for name, mailbox_id in ((b"INBOX", b""), (b"Old", b""), (b"Old/er", b""), (b"By id", b"F1"))
    for uid_validity in (3, 4)
]
NEEDS = (
    Need(("",)),
    Need(("HEADER",)),
    Need(("HEADER", ""), clean=True),
    Need(("TEXT", ""), beyond=3),
    Need(("1", "HEADER", "TEXT", "")),
)
KEYS = ("", "HEADER", "TEXT", "1")
LARGE = bytes(range(256)) * 2500

mailboxes = st.sampled_from(MAILBOXES)
uids = st.integers(1, 8) | st.just(2**32 - 1)
mails = st.integers(0, 9)
forms = st.sampled_from(list(Form))


def email_id(mail: int) -> dict[str, bytes]:
    """Half of the messages have an EMAILID, two of each the same."""
    return {} if mail % 2 else {"EMAILID": b"(M%d)" % mail}


class Model(RuleBasedStateMachine):
    """Everything that a session can tell a store."""

    @initialize()
    def open(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.reactor = Waiting()
        self.model = MemoryStore(self.reactor)
        self.store = self.opened()
        # Which message is under a UID; the same one can be under several.
        self.mail: dict[tuple[Mailbox, int], int] = {}
        self.streams: list[tuple[object, object, bytes]] = []
        self.sure = True

    def opened(self):
        return open_store(self.reactor, Path(self.directory.name) / "cache")

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.reactor.wait(self.store.close())
            self.directory.cleanup()

    def tell(self, method: str, *arguments, **keywords) -> None:
        for store in (self.model, self.store):
            getattr(store.writer, method)(*arguments, **keywords)
        self.sure = False

    def mail_at(self, mailbox: Mailbox, uid: int, mail: int) -> int:
        return self.mail.setdefault((mailbox, uid), mail)

    # -- messages --------------------------------------------------------------------------

    @rule(mailbox=mailboxes, uid=uids, mail=mails, names=st.sets(st.sampled_from(ATTRIBUTES)))
    def attributes(self, mailbox, uid, mail, names):
        mail = self.mail_at(mailbox, uid, mail)
        values = {name: b"(%s %d)" % (name.encode(), mail) for name in names - {"EMAILID"}}
        if "EMAILID" in names:
            values |= email_id(mail)
        if "INTERNALDATE" in names:
            values["INTERNALDATE"] = b'"%d"' % uid
        self.tell("keep_attributes", mailbox, uid, values)

    @rule(mailbox=mailboxes, uid=uids, flags=st.sampled_from([b"()", b"(\\Seen)"]))
    def flags(self, mailbox, uid, flags):
        self.tell("keep_attributes", mailbox, uid, {"FLAGS": flags})

    @rule(mailbox=mailboxes, uid=uids, mail=mails, variant=st.sampled_from([b"a", b"b"]))
    def another_spelling(self, mailbox, uid, mail, variant):
        mail = self.mail_at(mailbox, uid, mail)
        if not email_id(mail):
            self.tell("keep_attributes", mailbox, uid, {"ENVELOPE": variant})
            self.tell("keep_section", mailbox, uid, "1", Form.LITERAL, variant)

    @rule(mailbox=mailboxes, uid=uids, mail=mails, key=st.sampled_from(KEYS), clean=st.booleans())
    def section(self, mailbox, uid, mail, key, clean):
        octets = self.octets(self.mail_at(mailbox, uid, mail), key)
        clean &= not email_id(self.mail[mailbox, uid])
        self.tell("keep_section", mailbox, uid, key, Form.LITERAL, octets, clean=clean)

    @rule(mailbox=mailboxes, uid=uids, mail=mails, form=forms)
    def another_form(self, mailbox, uid, mail, form):
        mail = self.mail_at(mailbox, uid, mail)
        if not email_id(mail):
            self.tell("keep_section", mailbox, uid, "", form, self.octets(mail, ""))

    @rule(mailbox=mailboxes, uid=uids, mail=mails, key=st.sampled_from(KEYS))
    def begin(self, mailbox, uid, mail, key):
        octets = self.octets(self.mail_at(mailbox, uid, mail), key)
        wanted = (mailbox, uid, key, Form.LITERAL, len(octets))
        both = [store.writer.begin_section(*wanted) for store in (self.model, self.store)]
        self.streams.append((*both, octets))
        for section in both:
            section.write(octets[:70_000])

    @precondition(lambda self: self.streams)
    @rule(how=st.sampled_from(["close", "short", "abort"]))
    def end(self, how):
        *both, octets = self.streams.pop()
        for section in both:
            if how != "short":
                section.write(octets[70_000:])
            if how == "abort" or (how == "short" and len(octets) <= 70_000):
                section.abort()
            else:
                section.close()
        self.sure = False

    @staticmethod
    def octets(mail: int, key: str) -> bytes:
        whole = b"%d %s" % (mail, key.encode())
        return whole + LARGE[: 130_000 * (mail % 5)]

    # -- mailboxes -------------------------------------------------------------------------

    @rule(mailbox=mailboxes, kept=st.sets(uids), uid_next=st.integers(1, 2**32))
    def uid_list(self, mailbox, kept, uid_next):
        self.tell("keep_uid_list", mailbox, UidList(uid_next, array("I", sorted(kept))))
        self.settle()  # what is not in it goes in its own time

    @rule(mailbox=mailboxes, gone=st.sets(uids))
    def forget(self, mailbox, gone):
        self.tell("forget", mailbox, gone)

    @rule(mailbox=mailboxes)
    def drop(self, mailbox):
        self.tell("drop", mailbox)

    @rule(mailbox=mailboxes, other=mailboxes, pairs=st.dictionaries(uids, uids, max_size=4))
    def copied(self, mailbox, other, pairs):
        other = other._replace(account=mailbox.account)
        if other.identity == mailbox.identity:
            return
        same = [
            (old, new)
            for old, new in pairs.items()
            if (mailbox, old) in self.mail
            and self.mail_at(other, new, self.mail[mailbox, old]) == self.mail[mailbox, old]
        ]
        self.tell("copied", mailbox, other, same)

    @rule(account=st.sampled_from(ACCOUNTS), names=st.permutations([b"INBOX", b"Old", b"New"]))
    def renamed(self, account, names):
        old, new, _ = names
        self.tell("renamed", account, old, new)
        # UIDs are those of other messages from now on; what is there stays where it was moved to.
        for (mailbox, uid), mail in list(self.mail.items()):
            its_own = mailbox.account == account and not mailbox.mailbox_id
            if its_own and (mailbox.name.startswith(old) or mailbox.name == new):
                del self.mail[mailbox, uid]
                if mailbox.name == old:
                    self.mail[mailbox._replace(name=new), uid] = mail

    # -- all else --------------------------------------------------------------------------

    @rule(account=st.sampled_from(ACCOUNTS), value=st.none() | st.binary(max_size=3))
    def note(self, account, value):
        self.tell("keep_note", account, b"key", value)

    @rule(account=st.sampled_from(ACCOUNTS), names=st.lists(st.binary(max_size=3)))
    def shape(self, account, names):
        self.tell("keep_shape", account, b"request", names)

    @rule(mailbox=mailboxes, served=st.integers(0, 9), missed=st.integers(0, 9))
    def count(self, mailbox, served, missed):
        # Not in order with all else: so it is told alone.
        self.flush()
        self.tell("count", mailbox, served, missed)
        self.flush()

    @rule(mailbox=mailboxes, uid=uids)
    def broken_word(self, mailbox, uid):
        # What else is written to the mailbox at that time may be dropped with it, or not.
        self.flush()
        self.tell("keep_attributes", mailbox, uid, {"INTERNALDATE": b'"another"'})
        self.flush()
        self.tell("drop", mailbox)

    @rule()
    def flush(self):
        self.reactor.wait(self.store.flushed())
        self.sure = True

    @rule()
    def settle(self):
        self.reactor.wait(self.store.settled())
        self.sure = True

    @rule()
    def reopen(self):
        for *both, _ in self.streams:
            for section in both:
                section.abort()
        self.streams.clear()
        self.reactor.wait(self.store.close())
        self.store = self.opened()
        self.sure = True

    @invariant()
    def they_hold_the_same(self):
        if getattr(self, "sure", False):
            there, model = everything(self.store), everything(self.model)
            differing = [what for what in model if there[what] != model[what]]
            assert not differing, [(what, there[what], model[what]) for what in differing[:2]]


def everything(store) -> dict[object, object]:
    """All that can be read."""
    reader = store.reader
    found: dict[object, object] = {}
    for mailbox in [*MAILBOXES, *(m._replace(name=b"New") for m in MAILBOXES)]:
        found[mailbox, "list"] = reader.uid_list(mailbox)
        found[mailbox, "rows"] = reader.attributes(mailbox, ATTRIBUTES, 0, 2**32)
        found[mailbox, "some"] = reader.attributes(mailbox, ATTRIBUTES[4:1:-1], 2, 7)
        found[mailbox, "held"] = reader.held(mailbox, (), (), 0, 2**32)
        for need in NEEDS:
            sections = reader.sections(mailbox, need, 1, 2**32 - 1, 2**40)
            found[mailbox, need] = [
                (*section._replace(content=0), reader.octets(section.content, 0, section.size))
                for section in sections
            ]
            for names in ((), ("ENVELOPE",), ("FLAGS", "RFC822.SIZE")):
                found[mailbox, need, names] = reader.held(mailbox, names, [need], 2, 7)
    for account in ACCOUNTS:
        found[account] = reader.note(account, b"key"), reader.shape(account, b"request")
    found["holdings"] = sorted(
        holding._replace(used=0) for holding in reader.holdings() if any(holding[1:6])
    )
    return found


def test_they_hold_the_same():
    run_state_machine_as_test(
        Model,
        settings=settings(
            max_examples=20,
            stateful_step_count=40,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
