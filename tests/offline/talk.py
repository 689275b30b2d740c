"""An account whose mail was read online, and a client that reads it offline, in memory."""

from array import array

from imapproxy.cache.memory_store import MemoryStore
from imapproxy.cache.store import Mailbox, UidList
from imapproxy.listener.limits import Limits
from imapproxy.offline.account import HeldAccount
from imapproxy.offline.figures import OfflineFigures
from imapproxy.relay.partner import NotLetIn
from imapproxy.upstream.errors import LoginRefused, Unreachable
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials
from tests.relay.cached import ACCOUNT, Cached
from tests.relay.conversation import Conversation, Wire

AWAY = NotLetIn(Unreachable("upstream is away"))
REFUSED = NotLetIn(LoginRefused(b"NO", b"[AUTHENTICATIONFAILED] no"))
OFFERED = "IMAP4rev1 IDLE UNSELECT NAMESPACE MOVE"
READ = rb"""
    C: l LIST "" "*"
    U: l LIST "" "*"
    S. * LIST (\\HasNoChildren) "." INBOX\r\n* LIST () "." Work.Old\r\n
    R. * LIST (\\HasNoChildren) "." INBOX\r\n* LIST () "." Work.Old\r\n
    S. * LIST (\\Noselect) "." {3}\r\na"b\r\nl OK .\r\n
    R. * LIST (\\Noselect) "." {3}\r\na"b\r\nl OK .\r\n
    C: s SELECT INBOX
    U: s SELECT INBOX
    S. * FLAGS (\\Seen $x)\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\n
    R. * FLAGS (\\Seen $x)\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\n
    S: s OK [READ-WRITE] .
    R: s OK [READ-WRITE] .
    C: f FETCH 1:3 (UID FLAGS RFC822.SIZE)
    U: f FETCH 1:3 (UID FLAGS RFC822.SIZE)
    S. * 1 FETCH (FLAGS (\\Seen \\Recent) UID 11 RFC822.SIZE 5)\r\n
    R. * 1 FETCH (FLAGS (\\Seen \\Recent) UID 11 RFC822.SIZE 5)\r\n
    S. * 2 FETCH (FLAGS () UID 12 RFC822.SIZE 6)\r\n
    R. * 2 FETCH (FLAGS () UID 12 RFC822.SIZE 6)\r\n
    S. * 3 FETCH (FLAGS ($x) UID 13 RFC822.SIZE 7)\r\nf OK .\r\n
    R. * 3 FETCH (FLAGS ($x) UID 13 RFC822.SIZE 7)\r\nf OK .\r\n
    C: b FETCH 2 BODY.PEEK[]
    U: b FETCH 2 BODY.PEEK[]
    S. * 2 FETCH (BODY[] {14}\r\nSubject: b\r\n\r\n)\r\nb OK .\r\n
    R. * 2 FETCH (BODY[] {14}\r\nSubject: b\r\n\r\n)\r\nb OK .\r\n
""".decode()


def read_mail() -> MemoryStore:
    """What is kept when a program has read some mail: flags and sizes, and one body of three."""
    cached = Cached()
    talk = cached.talk()
    talk.script(READ)
    talk.client_closes()
    store: MemoryStore = cached.store
    return store


class Entrance:
    """Lets everybody in, unless the password is wrong."""

    silence: NotLetIn | None = None

    def __init__(self, store: MemoryStore) -> None:
        self.figures = OfflineFigures()
        self.account = HeldAccount(
            ACCOUNT, store, "imaps://upstream", Capabilities(OFFERED.split()), 0.0
        )

    async def admit(
        self, credentials: Credentials, unreachable: NotLetIn, max_refusals: int
    ) -> HeldAccount:
        if credentials.password.reveal() == b"wrong":
            raise AWAY
        return self.account


def offline(store: MemoryStore | None = None, limits: Limits | None = None) -> Conversation:
    """A client that is logged in while the upstream is away (:attr:`Conversation.refusal`)."""
    talk = Conversation(logged_in=False, limits=limits or Limits())
    talk.client_closes()
    entrance = talk.house.entrance = Entrance(store or read_mail())
    talk.figures = entrance.figures
    talk.refusal = AWAY
    talk.client_wire = Wire()
    talk.client = talk.house.buildProtocol()
    talk.client.makeConnection(talk.client_wire)
    talk.client.dataReceived(b"a0 LOGIN user secret\r\n")
    greeting = talk.client_wire.take()
    assert b"\r\na0 OK [CAPABILITY IMAP4rev1 LITERAL+ ID UNSELECT IDLE NAMESPACE] " in greeting
    assert greeting.split(b"\r\n", 1)[1].startswith(b"* OK [ALERT] imaps://upstream cannot")
    return talk


def large_mailbox() -> MemoryStore:
    """The same, and there are 1,200 messages, with UIDs from 11."""
    store = read_mail()
    uids = UidList(5000, array("I", range(11, 1211)))
    store.writer.keep_uid_list(Mailbox(ACCOUNT, b"INBOX", b"", 7), uids)
    return store


def selected(store: MemoryStore | None = None) -> Conversation:
    """The same with INBOX selected."""
    talk = offline(store)
    talk.client.dataReceived(b"s SELECT INBOX\r\n")
    assert talk.client_wire.take().endswith(b"s OK [READ-ONLY] Opened, offline\r\n")
    return talk
