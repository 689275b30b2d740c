import pytest

from imapproxy.upstream.errors import LoginRefused, TurnedAway, UpstreamUnavailable
from imapproxy.upstream.pool.refusal import is_too_many, says_too_many


@pytest.mark.parametrize(
    "text",
    [
        b"[UNAVAILABLE] Maximum number of connections from user+IP exceeded"
        b" (mail_max_userip_connections=10)",  # Dovecot
        b"[ALERT] Too many simultaneous connections. (Failure)",  # Gmail
        b"[LIMIT] Too many simultaneous connections",
        b"too many open connections for this user",
        b"Too many connections from this IP",
        b"Connection limit exceeded",
        b"Maximum connections reached",
        b"Too many concurrent sessions",
    ],
)
def test_too_many_connections(text):
    assert says_too_many(text)


@pytest.mark.parametrize(
    "text",
    [
        b"[AUTHENTICATIONFAILED] Authentication failed.",
        b"[ALERT] Invalid credentials (Failure)",
        b"[LIMIT] LOGIN Rate limit hit.",
        b"[UNAVAILABLE] Temporary authentication failure.",
        b"Too many login failures",
        b"[ALERT] Too many bad auth attempts. Connections are logged.",
        b"",
    ],
)
def test_other_refusals(text):
    assert not says_too_many(text)


def test_which_errors_are_looked_at():
    text = b"Too many connections"
    assert is_too_many(LoginRefused(b"NO", text))
    assert is_too_many(TurnedAway("turned us away", text))
    assert not is_too_many(TurnedAway("turned us away", b""))
    assert not is_too_many(UpstreamUnavailable("too many connections"))
