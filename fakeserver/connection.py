"""One connection, as the parts that serve it share it: its session, its octets, its end."""

from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime
from twisted.internet.ssl import CertificateOptions

from fakeserver.assembly import Assembler
from fakeserver.certificates import Certificates
from fakeserver.faults import CommandFaults, FaultPlan
from fakeserver.host import Host
from fakeserver.outgoing import Outgoing
from fakeserver.reply import Tagged, untagged
from fakeserver.session import Session
from fakeserver.timers import Timers
from fakeserver.transcript import ConnectionRecord
from fakeserver.transport import Transport


@dataclass(frozen=True)
class Setting:
    """What a connection is given to work with. ``preauth`` is a user who need not log in."""

    host: Host
    clock: IReactorTime
    faults: FaultPlan
    record: ConnectionRecord
    tls_options: CertificateOptions | None
    preauth: bytes | None = None
    certificates: Certificates | None = None

    def options(self, faults: CommandFaults) -> CertificateOptions:
        """The certificate to show, which faults may have something to say about."""
        options = self.tls_options
        if faults.certificate is not None and self.certificates is not None:
            options = self.certificates.options(faults.certificate)
        assert options is not None, "TLS is only offered where there is a certificate"
        return options


class Connection:
    """``paused``: the client does not read. ``held``: nothing is answered, for a fault says so or
    TLS begins. ``ended``: nothing is read or said any more.
    """

    def __init__(self, setting: Setting, transport: Transport, *, tls: bool) -> None:
        self.setting = setting
        self.host = setting.host
        self.record = setting.record
        self.assembler = Assembler(self.host.limits, self.host.extensions.literal_style)
        self.timers = Timers(setting.clock)
        self.out = Outgoing(transport, setting.clock, self.record, self.close)
        self.out.tell = self.host.quirks.tell
        self.session = self.new_session(tls=tls)
        self.paused = False
        self.held = False
        self.ended = False

    def new_session(self, *, tls: bool) -> Session:
        """A session of somebody who has said nothing so far."""
        available = self.setting.tls_options is not None
        return Session(self.host, tls=tls, tls_available=available)

    @property
    def transport(self) -> Transport:
        """Where octets go to: TCP, or what was put on top of it."""
        return self.out.transport

    @property
    def may_go_on(self) -> bool:
        """Whether there is somebody to tell more to."""
        return not self.paused and not self.ended

    @property
    def mailbox_is_gone(self) -> bool:
        """Whether what is selected is not there any more."""
        return self.session.view is not None and self.session.view.closed

    def bye(self, text: str, tag: bytes | None = None) -> None:
        """Say that it is over; where a command waits for its reply, it gets one."""
        self.out.write(untagged(b"BYE", text))
        if tag is not None:
            self.out.write(Tagged(text, b"UNAVAILABLE", b"NO").encode(tag))
        self.close()

    def bye_to_mailbox(self, tag: bytes | None = None) -> None:
        """Say that what is selected is not there any more."""
        self.bye("Selected mailbox is gone, have to disconnect.", tag)

    def close(self) -> None:
        """Close it once all that was written is sent."""
        self.out.release()
        if self.ended:
            return
        self.ended = True
        self.out.when_empty(self._lose)

    def abort(self) -> None:
        """Cut it off, with no word; nothing is sent that was not yet."""
        self.ended = True
        self.transport.abortConnection()

    def _lose(self) -> None:
        # While a producer is registered the transport would wait for it to finish.
        self.transport.unregisterProducer()
        self.transport.loseConnection()
