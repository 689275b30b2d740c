"""Mechanisms that prove the password without sending it: CRAM-MD5 and SCRAM-SHA-256."""

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata

from fakeserver.commands.sasl import Exchange, response
from fakeserver.reply import BadCommand
from fakeserver.session import Session

_ITERATIONS = 4096
# Told for users that there are not as well: a salt does not tell who is there.
_SALT = b"fakeserver"
# client-first-message: gs2-header, [reserved-mext], "n=" saslname, ",r=" c-nonce (RFC 5802, 7).
_CLIENT_FIRST = re.compile(rb"([ny],(?:a=([^,]*))?,)(n=([^,]*),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)")
_CLIENT_FINAL = re.compile(rb"(c=([^,]*),r=([^,]*)(?:,.*)?),p=([^,]*)")


def cram_md5(session: Session, initial: bytes | None) -> Exchange:
    """RFC 2195: the user's name and the keyed digest of what the server said."""
    if initial is not None:
        # RFC 4422 section 5, 2a: here the server speaks first.
        raise BadCommand("CRAM-MD5 has no initial response.")
    challenge = f"<{secrets.token_hex(8)}.{secrets.token_hex(4)}@fakeserver>".encode()
    answer = yield from response(None, challenge)
    user, _, digest = answer.rpartition(b" ")
    account = session.host.accounts.get(user)
    password = b"" if account is None else account.password
    expected = hmac.digest(password, challenge, "md5").hex().encode()
    return account if hmac.compare_digest(digest.lower(), expected) else None


def scram_sha_256(session: Session, initial: bytes | None) -> Exchange:
    """RFC 7677, without channel binding: both sides prove that they know the password."""
    found = _CLIENT_FIRST.fullmatch((yield from response(initial, b"")))
    if found is None:
        return None
    header, authorization, client_first, name, client_nonce = found.groups()
    user = _unescaped(name)
    account = session.host.accounts.get(user)
    nonce = client_nonce + secrets.token_urlsafe(18).encode()
    salt = hashlib.sha256(_SALT + user).digest()[:16]
    server_first = b"r=%b,s=%b,i=%d" % (nonce, base64.b64encode(salt), _ITERATIONS)
    last = _CLIENT_FINAL.fullmatch((yield from response(None, server_first)))
    if last is None or account is None or authorization not in (None, b"", name):
        return None
    client_final, binding, answered_nonce, proof = last.groups()
    if binding != base64.b64encode(header) or answered_nonce != nonce:
        return None
    salted = hashlib.pbkdf2_hmac("sha256", _prepared(account.password), salt, _ITERATIONS)
    message = b",".join((client_first, server_first, client_final))
    if not hmac.compare_digest(proof, base64.b64encode(_proof(salted, message))):
        return None
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    signature = hmac.digest(server_key, message, "sha256")
    # What the client answers to the last message is empty (RFC 4422 section 5, 5c).
    yield from response(None, b"v=" + base64.b64encode(signature))
    return account


def _proof(salted: bytes, message: bytes) -> bytes:
    """ClientProof of RFC 5802 section 3."""
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
    return bytes(one ^ other for one, other in zip(client_key, signature, strict=True))


def _unescaped(name: bytes) -> bytes:
    """saslname: "," and "=" are escaped in it."""
    return name.replace(b"=2C", b",").replace(b"=3D", b"=")


def _prepared(password: bytes) -> bytes:
    """The password as both sides have it: nearly SASLprep (RFC 4013), which is NFKC above all."""
    if password.isascii():
        return password
    return unicodedata.normalize("NFKC", password.decode("utf-8", "replace")).encode()
