"""A command of the client on its way through the partner."""

from typing import Protocol

from imapproxy.relay.client_line import ClientLine
from imapproxy.relay.outcomes import Question
from imapproxy.upstream.errors import UpstreamError
from imapproxy.upstream.exchange import Exchange


class CommandOwner(Protocol):
    """The session that relays the command."""

    def continuation_requested(self, command: "RelayedCommand", line: bytes) -> None:
        """The partner wants more of it."""

    def tagged(self, command: "RelayedCommand", text: bytes) -> None:
        """The partner has answered it."""

    def command_lost(self, command: "RelayedCommand", error: UpstreamError) -> None:
        """The partner never will."""


class RelayedCommand(Exchange):
    """``owner`` hears of its answer. ``client_tag`` is the tag the client gave, ``name`` the
    command's name in upper case.

    ``literal_converted`` is set while a non-synchronizing literal of the client is offered to the
    partner as a synchronizing one. ``line`` is the command, if one short line is all of it, to be
    said again if it has to be; ``told_before`` counts what the client was told up to its beginning,
    ``repeats`` how often it was said again. ``question`` is how to find out whether it was done,
    should its answer be lost.
    """

    __slots__ = (
        "answered",
        "client_tag",
        "line",
        "literal_converted",
        "name",
        "owner",
        "question",
        "repeats",
        "told_before",
    )

    takes_continuation = True

    def __init__(self, owner: CommandOwner, client_tag: bytes, name: bytes) -> None:
        super().__init__()
        self.owner = owner
        self.client_tag = client_tag
        self.name = name
        self.answered = False
        self.literal_converted = False
        self.line: ClientLine | None = None
        self.told_before = 0
        self.repeats = 0
        self.question: Question | None = None

    def continuation_request(self, line: bytes) -> None:
        """See :class:`Exchange`."""
        self.owner.continuation_requested(self, line)

    def tagged_response(self, text: bytes) -> None:
        """See :class:`Exchange`."""
        self.owner.tagged(self, text)

    def connection_lost(self, error: UpstreamError) -> None:
        """See :class:`Exchange`."""
        self.owner.command_lost(self, error)
