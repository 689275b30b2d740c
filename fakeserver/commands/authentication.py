"""LOGIN and AUTHENTICATE: who the client is."""

import base64
import re

from fakeserver.commands.challenges import cram_md5, scram_sha_256
from fakeserver.commands.sasl import Exchange, response
from fakeserver.reply import Ask, BadCommand, Handler, Tagged
from fakeserver.session import Session
from fakeserver.store.account import Account
from imapproxy.wire import commands as wire

_FAILED = Tagged("Authentication failed.", b"AUTHENTICATIONFAILED", b"NO")
_DISABLED = Tagged(
    "Plaintext authentication disallowed on non-secure (SSL/TLS) connections.",
    b"PRIVACYREQUIRED",
    b"NO",
)
_TOO_MANY = Tagged("Too many simultaneous connections.", b"LIMIT", b"NO")
# What a client of these two mechanisms has to answer with an empty response (RFC 7628 section 3.2).
_BEARER_ERROR = b'{"status":"invalid_token","schemes":"bearer","scope":"mail"}'
_GS2_USER = re.compile(rb"\A[ny],a=([^,\x01]*),\Z")


def login(session: Session, command: wire.Login) -> Handler:
    """RFC 3501 section 6.2.3."""
    yield b""
    if session.host.extensions.login_disabled(tls=session.tls):
        return _DISABLED
    account = session.host.log_in(command.user, command.password.reveal())
    return _logged_in(session, account)


def authenticate(session: Session, command: wire.Authenticate) -> Handler:
    """RFC 3501 section 6.2.2, with the initial response of RFC 4959."""
    initial: bytes | None = None
    if command.initial_response is not None:
        if not session.has("SASL-IR"):
            raise BadCommand("Initial response is not supported.")
        initial = command.initial_response.reveal()
    if not session.has(f"AUTH={command.mechanism}"):
        return Tagged("Unsupported authentication mechanism.", b"CANNOT", b"NO")
    if session.host.extensions.is_refused(f"AUTH={command.mechanism}", tls=session.tls):
        return _DISABLED
    exchange = _MECHANISMS[command.mechanism](session, initial)
    account = yield from exchange
    return _logged_in(session, account)


def _logged_in(session: Session, account: Account | None) -> Tagged:
    if account is None:
        return _FAILED
    if session.host.is_full(account):
        return _TOO_MANY
    session.account = account
    return Tagged("Logged in", b"CAPABILITY " + session.capabilities())


# --- the mechanisms: generators that end with the account, or with none -------------------------


def _plain(session: Session, initial: bytes | None) -> Exchange:
    """RFC 4616: authorization identity, user, password."""
    octets = yield from response(initial, b"")
    parts = octets.split(b"\0")
    if len(parts) != 3 or (parts[0] and parts[0] != parts[1]):
        return None
    return session.host.log_in(parts[1], parts[2])


def _login(session: Session, initial: bytes | None) -> Exchange:
    """No RFC, only draft-murchison-sasl-login: two questions, two answers."""
    user = yield from response(initial, b"Username:")
    password = yield from response(None, b"Password:")
    return session.host.log_in(user, password)


def _xoauth2(session: Session, initial: bytes | None) -> Exchange:
    r"""``user=name^Aauth=Bearer token^A^A``, as Google and Microsoft have it."""
    octets = yield from response(initial, b"")
    fields = _pairs(octets)
    return (yield from _bearer(session, fields.get(b"user", b""), fields))


def _oauthbearer(session: Session, initial: bytes | None) -> Exchange:
    r"""RFC 7628: ``n,a=user,^Ahost=…^Aauth=Bearer token^A^A``."""
    octets = yield from response(initial, b"")
    header, _, rest = octets.partition(b"\x01")
    found = _GS2_USER.match(header)
    return (yield from _bearer(session, found[1] if found else b"", _pairs(rest)))


_MECHANISMS = {
    "SCRAM-SHA-256": scram_sha_256,
    "CRAM-MD5": cram_md5,
    "PLAIN": _plain,
    "LOGIN": _login,
    "XOAUTH2": _xoauth2,
    "OAUTHBEARER": _oauthbearer,
}


def _bearer(session: Session, user: bytes, fields: dict[bytes, bytes]) -> Exchange:
    """The token is the account's password. A client hears why it failed before the NO."""
    scheme, _, token = fields.get(b"auth", b"").partition(b" ")
    account = None
    if scheme.lower() == b"bearer":
        account = session.host.log_in(user, token)
    if account is None:
        yield Ask(base64.b64encode(_BEARER_ERROR))
    return account


def _pairs(octets: bytes) -> dict[bytes, bytes]:
    pairs = (part.partition(b"=") for part in octets.split(b"\x01") if part)
    return {name.lower(): value for name, _, value in pairs}
