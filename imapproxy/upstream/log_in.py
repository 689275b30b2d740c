"""Giving a name and password to the upstream, by the best way that it offers."""

from twisted.internet.defer import Deferred

from imapproxy.upstream.client import ImapClient, Outcome
from imapproxy.upstream.dialogue import AuthenticateRequest, LoginRequest
from imapproxy.upstream.errors import LoginRefused, NoWayToLogIn, UpstreamError
from imapproxy.upstream.request import Part
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials
from imapproxy.wire.secret import Secret
from imapproxy.wire.strings import encode_astring


class Introduction:
    """What a server offers before log-in: ``told`` is the last of that, at first ``None``."""

    def __init__(self) -> None:
        self.told: Capabilities | None = None


async def log_in(
    client: ImapClient, credentials: Credentials, introduction: Introduction | None = None
) -> Outcome:
    """Log in by the best way that the server offers; afterwards its capabilities are known.

    A server whose greeting tells no capabilities is asked for them. Where the ``introduction`` has
    them from a connection before, the answer is not waited for: that is a round trip less.

    Raises :class:`LoginRefused`, :class:`NoWayToLogIn`, or another :class:`UpstreamError`.
    """
    if any(b"\0" in octets for octets in _secrets(credentials)):
        # No string of IMAP holds NUL (RFC 3501 section 9), and in SASL PLAIN it parts the fields.
        raise NoWayToLogIn("a name or password with a NUL in it cannot be sent")
    outcome = None
    introduction = introduction or Introduction()
    if client.capabilities is None and introduction.told is not None:
        outcome = await _attempt_ahead(client, credentials, introduction)
    if outcome is None:
        capabilities = client.capabilities or await client.capability()
        introduction.told = capabilities
        # What was told before log-in is void after it (RFC 3501 section 6.2.2).
        client.capabilities = None
        outcome = await _attempt(client, credentials, capabilities)
    if client.capabilities is None:
        await client.capability()
    return outcome


async def _attempt_ahead(
    client: ImapClient, credentials: Credentials, introduction: Introduction
) -> Outcome | None:
    """Log in as the server wanted it before; ``None`` if it wants it in another way now."""
    told = presumed = introduction.told
    assert presumed is not None

    def hear(capabilities: Capabilities) -> None:
        nonlocal told
        introduction.told = told = capabilities
        client.forget()  # nor is it part of what the log-in brings

    asking = client.capability().addCallback(hear)
    asking.addErrback(lambda failure: failure.trap(UpstreamError) and None)
    try:
        return await _attempt(client, credentials, presumed)
    except (LoginRefused, NoWayToLogIn):
        await asking
        if told is None or _ways_in(told) == _ways_in(presumed):
            raise
        client.capabilities = told
        return None


def _ways_in(capabilities: Capabilities) -> tuple[object, ...]:
    """All that :func:`_attempt` looks at."""
    names = ("AUTH=PLAIN", "AUTH=LOGIN", "SASL-IR", "IMAP4rev2", "LOGINDISABLED")
    return (capabilities.literal_style, *(name in capabilities for name in names))


def _attempt(
    client: ImapClient, credentials: Credentials, capabilities: Capabilities
) -> Deferred[Outcome]:
    if "AUTH=PLAIN" in capabilities:
        request = AuthenticateRequest(
            client.connection,
            "PLAIN",
            [_plain(credentials)],
            initial_response="SASL-IR" in capabilities or "IMAP4rev2" in capabilities,
        )
        return client.run_request(request)
    if credentials.authorization:
        raise _no_way(client, capabilities, "AUTH=PLAIN, which alone can name another's mail")
    if "LOGINDISABLED" not in capabilities:
        parts = _login_parts(credentials)
        style = capabilities.literal_style
        return client.run_request(LoginRequest(client.connection, parts, style))
    if "AUTH=LOGIN" in capabilities:
        answers = [Secret(credentials.user), credentials.password]
        return client.run_request(
            AuthenticateRequest(client.connection, "LOGIN", answers, initial_response=False)
        )
    raise _no_way(client, capabilities, "LOGIN, AUTH=PLAIN or AUTH=LOGIN")


def _no_way(client: ImapClient, capabilities: Capabilities, missing: str) -> NoWayToLogIn:
    offered = ", ".join(capabilities.auth_mechanisms) or "none"
    return NoWayToLogIn(
        f"{client.connection.name} takes no name and password: it does not offer {missing} "
        f"(mechanisms: {offered})"
    )


def _secrets(credentials: Credentials) -> tuple[bytes, bytes, bytes]:
    return (credentials.authorization, credentials.user, credentials.password.reveal())


def _plain(credentials: Credentials) -> Secret:
    """RFC 4616: authorization identity, NUL, name, NUL, password."""
    return Secret(b"\0".join(_secrets(credentials)))


def _login_parts(credentials: Credentials) -> list[Part]:
    parts: list[Part] = [b" LOGIN "]
    for octets, end in ((credentials.user, b" "), (credentials.password.reveal(), b"\r\n")):
        parts += (encode_astring(octets), end)
    return parts
