import pytest

from imapproxy.upstream.pool.fingerprint import Fingerprints, same
from imapproxy.wire.credentials import Credentials
from imapproxy.wire.secret import Secret

ONE = Credentials(b"user", Secret(b"password"))


def test_the_same_credentials_have_the_same_fingerprint():
    fingerprints = Fingerprints()
    assert same(fingerprints.of(ONE), fingerprints.of(Credentials(b"user", Secret(b"password"))))


@pytest.mark.parametrize(
    "other",
    [
        Credentials(b"user", Secret(b"Password")),
        Credentials(b"user", Secret(b"")),
        Credentials(b"user2", Secret(b"password")),
        Credentials(b"userp", Secret(b"assword")),
        Credentials(b"user", Secret(b"password"), b"admin"),
        Credentials(b"user\0password", Secret(b"")),
        Credentials(b"", Secret(b"password"), b"user"),
        Credentials(b"user8:password", Secret(b"")),
    ],
)
def test_others_have_others(other):
    fingerprints = Fingerprints()
    assert not same(fingerprints.of(ONE), fingerprints.of(other))


def test_it_says_nothing_to_who_has_not_the_key():
    assert Fingerprints().of(ONE) != Fingerprints().of(ONE)
    assert b"password" not in Fingerprints().of(ONE)
