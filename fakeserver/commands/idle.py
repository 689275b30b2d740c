"""IDLE (RFC 2177): until DONE, news is told as it comes."""

from fakeserver.reply import Ask, BadCommand, Handler, Tagged
from fakeserver.session import Session
from imapproxy.wire import commands as wire


def idle(_session: Session, _command: wire.Idle) -> Handler:
    """IDLE; any line but DONE is a mistake."""
    line = yield Ask(b"idling", idle=True)
    if line.strip().upper() != b"DONE":
        raise BadCommand("Expected DONE.")
    return Tagged("Idle completed.")
