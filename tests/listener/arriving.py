"""A client before log-in, in memory."""

import base64

from imapproxy.listener.limits import Limits
from imapproxy.relay.partner import NotLetIn
from imapproxy.upstream.errors import LoginRefused
from tests.relay.conversation import Conversation

GREETING = (
    b"* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN AUTH=LOGIN] imapproxy ready.\r\n"
)


def arrive(limits: Limits = Limits()) -> Conversation:  # noqa: B008 - frozen
    """A client that has read the greeting."""
    talk = Conversation(limits=limits, logged_in=False)
    assert talk.client_wire.take() == GREETING
    return talk


def b64(text: bytes) -> str:
    return base64.b64encode(text).decode()


def refuse(talk: Conversation, text: bytes = b"[AUTHENTICATIONFAILED] Wrong.") -> None:
    talk.refusal = NotLetIn(LoginRefused(b"NO", text))
