"""Commands of any state, STARTTLS and ENABLE."""

from functools import partial

from fakeserver.commands.metadata import hear
from fakeserver.mail.quoting import nstring
from fakeserver.reply import BadCommand, Handler, Tagged, Then, untagged
from fakeserver.session import Session
from imapproxy.wire import commands as wire

# What ENABLE can switch (RFC 5161 section 3.1): those that change what the server says unasked.
_CAN_BE_ENABLED = {
    name.upper(): name
    for name in ("UIDONLY", "METADATA", "CONDSTORE", "QRESYNC", "IMAP4rev2", "UTF8=ACCEPT")
}


def greet(session: Session, preauth: bytes | None) -> Handler:
    """The greeting (RFC 3501 section 7.1); with ``preauth`` that user is logged in already."""
    condition = b"OK"
    if session.host.is_full():
        yield untagged(b"BYE", "Too many connections.", b"UNAVAILABLE")
        return Tagged("", then=Then.CLOSE)
    if preauth is not None:
        session.account = session.host.accounts.get(preauth)
        condition = b"PREAUTH"
    code = b"CAPABILITY " + session.capabilities()
    yield untagged(condition, session.host.greeting, code)
    return Tagged("")


def capability(session: Session, _command: wire.Capability) -> Handler:
    """RFC 3501 section 6.1.1."""
    yield b"* CAPABILITY %b\r\n" % session.capabilities()
    if session.account is None:
        return Tagged("Pre-login capabilities listed, post-login capabilities have more.")
    return Tagged("Capability completed.")


def noop(_session: Session, _command: wire.Noop) -> Handler:
    """RFC 3501 section 6.1.2: the news comes by itself."""
    yield b""
    return Tagged("NOOP completed.")


def in_progress(tag: bytes) -> bytes:
    """That a command still runs; how far it is nobody can tell (RFC 9585 section 4)."""
    return untagged(b"OK", "Still at it.", b"INPROGRESS (%b NIL NIL)" % nstring(tag))


def logout(_session: Session, _command: wire.Logout) -> Handler:
    """RFC 3501 section 6.1.3."""
    yield b"* BYE Logging out\r\n"
    return Tagged("Logout completed.", then=Then.CLOSE)


def identify(session: Session, command: wire.Id) -> Handler:
    """RFC 2971."""
    session.client_id = dict(command.parameters or ())
    yield b"* ID (%b %b)\r\n" % (nstring(b"name"), nstring(b"fakeserver"))
    return Tagged("ID completed.")


def start_tls(session: Session, _command: wire.StartTls) -> Handler:
    """RFC 3501 section 6.2.1."""
    if session.tls:
        raise BadCommand("TLS is already active.")
    if not session.tls_available:
        raise BadCommand("TLS support isn't enabled.")
    yield b""
    return Tagged("Begin TLS negotiation now.", then=Then.START_TLS)


def compress(session: Session, command: wire.Compress) -> Handler:
    """RFC 4978."""
    yield b""
    if session.compressed:
        return Tagged("Compression is already active.", b"COMPRESSIONACTIVE", b"NO")
    if command.mechanism != "DEFLATE":
        return Tagged("Unknown compression mechanism.", condition=b"NO")
    session.compressed = True
    return Tagged("Begin compression.", then=Then.COMPRESS)


def enable(session: Session, command: wire.Enable) -> Handler:
    """RFC 5161."""
    enabled = [
        name
        for name in command.capabilities
        if name in _CAN_BE_ENABLED and name in session.host.extensions
    ]
    newly = [name for name in dict.fromkeys(enabled) if name not in session.enabled]
    if "CONDSTORE" in newly or "QRESYNC" in newly:
        # RFC 7162 section 3.2.3: QRESYNC enables CONDSTORE as well.
        yield session.enable_condstore()
    session.enabled.update(newly)
    if "IMAP4REV2" in newly and session.view is not None:
        session.view.forget_recent()
    if "METADATA" in newly:
        session.listen(partial(hear, session))
    # RFC 5161 section 3.1: told even if it is nothing.
    told = (f" {_CAN_BE_ENABLED[name]}" for name in dict.fromkeys(enabled))
    yield b"* ENABLED%b\r\n" % "".join(told).encode()
    return Tagged("Enabled.")
