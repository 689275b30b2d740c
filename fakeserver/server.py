"""The server: listens, holds the accounts, and is what tests talk to from within."""

import datetime
import email.message
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import gatherResults, maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions

from fakeserver.certificates import Certificates, Kind
from fakeserver.connection import Setting
from fakeserver.events import MailboxesChanged
from fakeserver.extensions import Extensions
from fakeserver.faults import Action, Fault, FaultPlan
from fakeserver.host import Limits
from fakeserver.load import read_messages, read_tree
from fakeserver.mail.message import Message
from fakeserver.mail.source import octets_of
from fakeserver.personas import Persona, find_persona, host_of
from fakeserver.protocol import ImapProtocol
from fakeserver.seed import fill_with_walkthrough
from fakeserver.snapshot import Snapshot, restore_snapshot, take_snapshot
from fakeserver.store.account import Account
from fakeserver.store.mailbox import Mailbox, StoredMessage
from fakeserver.store.rights import parse_rights
from fakeserver.transcript import CommandRecord, Transcript
from imapproxy.wire.flags import DELETED
from imapproxy.wire.mailbox import INBOX, encode_mailbox

# How long a connection that is ended may take to be gone, in seconds.
_GRACE = 1.0

Reactor = Any
Source = bytes | str | email.message.Message | Path


class FakeServer:
    """An IMAP server in this process; any number of them may live side by side.

    ``await start()`` (or wait for its Deferred), then use ``port`` for plaintext and STARTTLS,
    ``tls_port`` for implicit TLS, ``ca_file`` to trust it. Everything else may be called at any
    time: sessions hear of it as they would of another client's doing.
    """

    def __init__(
        self,
        reactor: Reactor,
        *,
        extensions: Extensions | None = None,
        limits: Limits | None = None,
        certificate: Kind = Kind.VALID,
        preauth: str | None = None,
        persona: Persona | str | None = None,
        quirks: Iterable[str] = (),
    ) -> None:
        self._reactor = reactor
        self._certificate = certificate
        self._preauth = None if preauth is None else preauth.encode()
        chosen = find_persona(persona) if isinstance(persona, str) else persona
        self.host = host_of(chosen, quirks, extensions, limits)
        self.faults = FaultPlan()
        self.transcript = Transcript()
        self._certificates: Certificates | None = None
        self._tls_options: CertificateOptions | None = None
        self._listening: dict[str, IListeningPort] = {}
        self._protocols: set[ImapProtocol] = set()

    # --- life ---

    async def start(
        self,
        listen: tuple[str, int] | None = ("127.0.0.1", 0),
        tls_listen: tuple[str, int] | None = ("127.0.0.1", 0),
        *,
        tls: bool = True,
    ) -> None:
        """Listen. Port 0 takes a free one, ``None`` none; without ``tls`` there is none at all.

        Raises ``CannotListenError`` where a port is taken.
        """
        if tls:
            self._certificates = Certificates()
            self._tls_options = self._certificates.options(self._certificate)
        try:
            if listen is not None:
                await self.listen("imap", listen, _Factory(self, tls=False))
            if tls_listen is not None and tls:
                await self.listen("imaps", tls_listen, _Factory(self, tls=True))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Say BYE to everybody, close all, and take the certificates away."""
        ports, self._listening = self._listening, {}
        await gatherResults([maybeDeferred(port.stopListening) for port in ports.values()])
        await gatherResults(
            [protocol.end("Server shutting down.", _GRACE) for protocol in self._open()]
        )
        if self._certificates is not None:
            self._certificates.remove()
            self._certificates = None

    def disconnect_all(self, text: str = "Disconnected on demand.") -> None:
        """End every connection with BYE."""
        for protocol in self._open():
            protocol.disconnect(text)

    @property
    def port(self) -> int:
        """The port of plaintext and STARTTLS."""
        return self.port_of("imap")

    @property
    def tls_port(self) -> int:
        """The port of implicit TLS."""
        return self.port_of("imaps")

    @property
    def ca_file(self) -> Path:
        """The certificate authority to trust, in PEM."""
        assert self._certificates is not None, "not started, or without TLS"
        return self._certificates.ca_file

    def use_certificate(self, kind: Kind) -> None:
        """Show another certificate from the next connection on."""
        assert self._certificates is not None, "not started, or without TLS"
        self._tls_options = self._certificates.options(kind)

    # --- accounts and mail ---

    def add_account(
        self,
        user: str = "demo",
        password: str = "pw",  # noqa: S107
        *,
        empty: bool = False,
    ) -> Account:
        """Add a user, with the mail of the imaplib walk-through or just an empty INBOX."""
        account = self.host.add_account(user, password)
        if not empty and not self.host.mailboxes:
            fill_with_walkthrough(account)
        return account

    def account(self, user: str | None = None) -> Account:
        """The account of a user; without a name, the first."""
        if user is None:
            return next(iter(self.host.accounts.values()))
        return self.host.accounts[user.encode()]

    def mailbox(self, name: str = "INBOX", user: str | None = None) -> Mailbox:
        """A mailbox by its name as text."""
        return self.account(user).find(encode_mailbox(name))

    def deliver(
        self,
        message: bytes | str | email.message.Message,
        mailbox: str = "INBOX",
        *,
        user: str | None = None,
        flags: Iterable[bytes] = (),
        internal_date: datetime.datetime | None = None,
    ) -> StoredMessage:
        """Put a message into a mailbox as if it came in. Octets are kept as they are."""
        content = Message(octets_of(message))
        return self.mailbox(mailbox, user).append(content, flags, internal_date)

    def append(
        self,
        source: Source,
        mailbox: str = "INBOX",
        *,
        user: str | None = None,
        flags: Iterable[bytes] = (),
    ) -> list[StoredMessage]:
        """Put a message into a mailbox, or all of a file: .eml, mbox, or the top of a Maildir.

        Flags that the file tells are kept, and ``flags`` added. Raises ``NotMail`` for a file that
        is none of these.
        """
        box = self.mailbox(mailbox, user)
        return [
            box.append(Message(one.octets), {*one.flags, *flags}, one.internal_date)
            for one in read_messages(source)
        ]

    def load(self, path: Path, *, user: str | None = None) -> None:
        """Put the mailboxes of a file, Maildir or directory into an account.

        See :func:`fakeserver.load.read_tree` for what becomes what. Raises ``NotMail``, ``OSError``
        and, for a name that no mailbox can have, ``StoreError``.
        """
        account = self.account(user)
        for parts, messages in read_tree(path).items():
            name = account.delimiter.join(map(encode_mailbox, parts)) or INBOX
            box = account.mailboxes.get(account.canonical(name)) or account.create(name)
            for one in messages:
                box.append(Message(one.octets), one.flags, one.internal_date)

    def set_flags(
        self, uid: int, flags: Iterable[bytes], mailbox: str = "INBOX", *, user: str | None = None
    ) -> None:
        """Give a message these flags and no others."""
        box = self.mailbox(mailbox, user)
        box.set_flags(_found(box, uid), box.own_flags(flags))

    def expunge(
        self, uids: Iterable[int] | None = None, mailbox: str = "INBOX", *, user: str | None = None
    ) -> None:
        r"""Take messages out: those with these UIDs or, without any, those that are \Deleted."""
        box = self.mailbox(mailbox, user)
        if uids is None:
            box.expunge(message for message in box.messages if DELETED in message.flags)
        else:
            box.expunge(_found(box, uid) for uid in uids)

    def bump_uid_validity(self, mailbox: str = "INBOX", *, user: str | None = None) -> int:
        """Give a mailbox another UIDVALIDITY; sessions that have it selected hear BYE."""
        return self.account(user).replace_uid_validity(encode_mailbox(mailbox))

    def set_quota(self, limits: Mapping[str, int], *, user: str | None = None) -> None:
        """Limits of an account: STORAGE (units of 1024 octets), MESSAGE, MAILBOX; none by default.

        They bind clients alone: ``deliver`` and ``append`` go past them.
        """
        self.account(user).quota = {name.upper(): limit for name, limit in limits.items()}

    def set_rights(
        self, identifier: str, rights: str, mailbox: str = "INBOX", *, user: str | None = None
    ) -> None:
        """Give a user, or ``anyone``, rights on a mailbox (RFC 4314), such as ``"lrs"``.

        Others then have it as ``user.NAME.mailbox``. Raises ``ValueError`` for letters that are no
        rights.
        """
        self.mailbox(mailbox, user).acl[identifier.encode()] = parse_rights(rights.encode())
        self.host.announce(MailboxesChanged())

    def add_shared_mailbox(self, name: str, rights: str = "lrs") -> Mailbox:
        """Add a mailbox that is nobody's own, ``shared.NAME``, with these rights for anyone."""
        return self.host.add_shared_mailbox(encode_mailbox(name), rights.encode())

    def snapshot(self) -> Snapshot:
        """The state of all accounts, for ``restore``."""
        return take_snapshot(self.host)

    def restore(self, snapshot: Snapshot) -> None:
        """Make all accounts what they were when the snapshot was taken."""
        restore_snapshot(self.host, snapshot)

    def start_over(self, snapshot: Snapshot) -> None:
        """Be as if nothing had happened since the snapshot, and nobody had ever connected.

        Connections are cut off. Faults, the transcript and the clock are as with a new server.
        """
        for protocol in self._open():
            protocol.abort()
        self._protocols.clear()
        self.restore(snapshot)
        self.faults.clear()
        self.transcript.clear()
        self.transcript = Transcript()
        self.freeze_clock(None)
        if self._certificates is not None:
            self.use_certificate(self._certificate)

    def freeze_clock(self, moment: datetime.datetime | None) -> None:
        """Let it be this moment until told otherwise; ``None`` lets time go on."""
        self.host.frozen_at = moment

    # --- faults and the transcript ---

    def fault(
        self,
        *actions: Action,
        command: str = "",
        user: str | None = None,
        connection: int | None = None,
        nth: int = 1,
        times: int | None = 1,
    ) -> None:
        """Let something go wrong; see :mod:`fakeserver.faults` for what and when."""
        self.faults.add(Fault(actions, command.upper(), user, connection, nth, times))

    def commands(self, name: str | None = None, user: str | None = None) -> list[CommandRecord]:
        """Commands that were given so far, by name: ``commands("FETCH")``."""
        return self.transcript.commands(name, user)

    # --- connections ---

    def build(self, *, tls: bool) -> ImapProtocol:
        """The protocol of a connection that came in."""
        setting = Setting(
            self.host,
            self._reactor,
            self.faults,
            self.transcript.open("imaps" if tls else "imap"),
            self._tls_options,
            self._preauth,
            self._certificates,
        )
        protocol = ImapProtocol(setting, tls=tls)
        self._protocols.add(protocol)
        protocol.on_lost = lambda: self._protocols.discard(protocol)
        return protocol

    def _open(self) -> list[ImapProtocol]:
        return list(self._protocols)

    def port_of(self, name: str) -> int:
        """The port that was given to ``listen`` with this name."""
        address = self._listening[name].getHost()
        assert isinstance(address, IPv4Address | IPv6Address)
        return address.port

    async def listen(self, name: str, where: tuple[str, int], factory: IProtocolFactory) -> None:
        """Listen for something else besides, until ``stop``: SMTP, the control interface."""
        self._listening[name] = await self._endpoint(*where).listen(factory)

    def _endpoint(self, interface: str, port: int) -> IStreamServerEndpoint:
        kind = TCP6ServerEndpoint if ":" in interface else TCP4ServerEndpoint
        return kind(self._reactor, port, interface=interface)


class _Factory(Factory):
    """Makes protocols of one listening port."""

    noisy = False

    def __init__(self, server: FakeServer, *, tls: bool) -> None:
        self._server = server
        self._tls = tls

    def buildProtocol(self, addr: IAddress | None) -> ImapProtocol:
        """The protocol of one connection."""
        return self._server.build(tls=self._tls)


def _found(mailbox: Mailbox, uid: int) -> StoredMessage:
    message = mailbox.find(uid)
    if message is None:
        raise KeyError(f"no message with UID {uid} in {mailbox.name.decode('utf-8', 'replace')}")
    return message
