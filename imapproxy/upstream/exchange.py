"""One command in flight to the upstream, and what the upstream can say to it."""

from abc import ABC, abstractmethod

from imapproxy.upstream.errors import UpstreamError


class Exchange(ABC):
    """A command from its first octet on the wire to its tagged response.

    ``tag`` is the upstream's tag, given when the command is written; empty before.
    """

    __slots__ = ("tag",)

    #: Whether a continuation request of the upstream can be meant for this command.
    takes_continuation = False

    def __init__(self) -> None:
        self.tag = b""

    def continuation_request(self, line: bytes) -> None:
        """The upstream wants more of this command. ``line`` is ``b"+ …\\r\\n"``."""
        raise NotImplementedError(f"{type(self).__name__} has nothing more to say")

    @abstractmethod
    def tagged_response(self, text: bytes) -> None:
        """The end. ``text`` is the response behind the tag: ``b"OK …\\r\\n"``."""

    @abstractmethod
    def connection_lost(self, error: UpstreamError) -> None:
        """No tagged response will come."""
