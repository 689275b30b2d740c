"""Stopping a peer that sends faster than what it sends can be taken on."""

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer


@implementer(IPushProducer)
class Valve:
    """Pauses one transport while anybody has a reason for it.

    Several parties want the same reading side to stop: the consumer at the other end whose buffer
    is full (it calls ``pauseProducing``), and a session that waits for something. The transport
    resumes only when the last of the reasons is gone.
    """

    __slots__ = ("_reasons", "_transport")

    def __init__(self, transport: IPushProducer) -> None:
        self._transport = transport
        self._reasons: set[str] = set()

    @property
    def is_held(self) -> bool:
        """Whether the transport is paused."""
        return bool(self._reasons)

    def hold(self, reason: str) -> None:
        """Stop reading until :meth:`release` with the same reason."""
        if not self._reasons:
            self._transport.pauseProducing()
        self._reasons.add(reason)

    def release(self, reason: str) -> None:
        """Take a reason back; without that reason, nothing happens."""
        if reason in self._reasons:
            self._reasons.discard(reason)
            if not self._reasons:
                self._transport.resumeProducing()

    def change(self, transport: IPushProducer) -> None:
        """Another transport takes the place of this one, which is gone."""
        self._transport = transport
        if self._reasons:
            transport.pauseProducing()

    def pauseProducing(self) -> None:
        """The consumer's buffer is full."""
        self.hold("consumer")

    def resumeProducing(self) -> None:
        """The consumer has room again."""
        self.release("consumer")

    def stopProducing(self) -> None:
        """The consumer is gone; who owns the connections learns it from ``connectionLost``."""
