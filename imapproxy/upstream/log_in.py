"""Giving a name and password to the upstream, by the best way that it offers."""

from twisted.internet.defer import Deferred

from imapproxy.upstream.client import ImapClient, Outcome
from imapproxy.upstream.dialogue import AuthenticateRequest, LoginRequest
from imapproxy.upstream.errors import NoWayToLogIn
from imapproxy.upstream.request import Part
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials
from imapproxy.wire.secret import Secret
from imapproxy.wire.strings import encode_astring


async def log_in(client: ImapClient, credentials: Credentials) -> Outcome:
    """Log in by the best way that the server offers; afterwards its capabilities are known.

    Raises :class:`LoginRefused`, :class:`NoWayToLogIn`, or another :class:`UpstreamError`.
    """
    if any(b"\0" in octets for octets in _secrets(credentials)):
        # No string of IMAP holds NUL (RFC 3501 section 9), and in SASL PLAIN it parts the fields.
        raise NoWayToLogIn("a name or password with a NUL in it cannot be sent")
    if client.capabilities is None:
        await client.capability()
    capabilities = client.capabilities or Capabilities()
    # What was told before log-in is void after it (RFC 3501 section 6.2.2).
    client.capabilities = None
    outcome = await _attempt(client, credentials, capabilities)
    if client.capabilities is None:
        await client.capability()
    return outcome


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
