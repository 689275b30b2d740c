"""The configuration file: what it may say, and how it is told what is wrong with it."""

from pathlib import Path

import pytest

from imapproxy.config import ConfigError, Settings, read_config
from imapproxy.config_errors import line_of
from imapproxy.listen_address import ListenAddressError, parse_listen_address
from imapproxy.listener.limits import Limits
from imapproxy.relay.freshness import Freshness
from imapproxy.upstream.pool.rules import PoolRules
from tests.upstream import certificates

_GOOD = """
[upstream.work]
url = "imaps://imap.example.com"

[[listener]]
listen = "127.0.0.1:1143"
"""


def read(directory: Path, text: str | bytes) -> Settings:
    file = directory / "imapproxy.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_config(file)


def fault(directory: Path, text: str | bytes) -> str:
    """What is said of it, less the name of the file."""
    with pytest.raises(ConfigError) as caught:
        read(directory, text)
    place, sentence = str(caught.value).split("imapproxy.toml", 1)
    assert place == f"{directory}/"
    assert "\n" not in sentence
    return sentence


class TestGood:
    def test_the_smallest(self, tmp_path):
        settings = read(tmp_path, _GOOD)
        (listener,) = settings.listeners
        assert str(listener.address) == "127.0.0.1:1143"
        assert str(listener.upstream.address) == "imaps://imap.example.com"
        assert settings.limits == Limits()
        assert settings.pool == PoolRules()
        assert listener.upstream.max_connections is None

    def test_everything(self, tmp_path):
        identity = certificates.issued("localhost")
        (tmp_path / "ca.pem").write_bytes(certificates.AUTHORITY.cert_pem.bytes())
        (tmp_path / "cert.pem").write_bytes(identity.certificate)
        (tmp_path / "key.pem").write_bytes(identity.key)
        settings = read(
            tmp_path,
            f"""
            data_dir = "x"
            [upstream.work]
            url = "imaps://imap.example.com"
            ca_file = "ca.pem"  # relative to this file
            pins = ["sha256/{"A" * 43}="]
            connect_timeout = 5
            max_connections = 15
            [upstream.home]
            url = "imap+starttls://mail.example.org"
            [[listener]]
            listen = "[::1]:0"
            upstream = "home"
            [[listener]]
            listen = "0.0.0.0:993"
            allow_remote = true
            upstream = "work"
            tls = "implicit"
            cert_file = "cert.pem"
            key_file = "key.pem"
            [limits]
            max_sessions = 7
            login_timeout = 0.5
            [pool]
            per_account = 3
            max_age = 60
            """,
        )
        home, work = settings.listeners
        assert home.upstream.address.starttls
        assert home.tls is None
        assert work.tls_from_start
        assert work.upstream.timeout == 5
        assert work.upstream.tls.pins == {bytes(32)}
        assert (work.upstream.max_connections, home.upstream.max_connections) == (15, None)
        assert settings.pool == PoolRules(per_account=3, max_age=60)
        assert (settings.limits.max_sessions, settings.limits.login_timeout) == (7, 0.5)

    def test_the_pool_switched_off(self, tmp_path):
        assert read(tmp_path, _GOOD + "[pool]\nenabled = false\n").pool.per_account == 0

    def test_how_fresh_the_cache_is(self, tmp_path):
        cache = read(tmp_path, _GOOD + "[cache]\nnews_interval = 5\nlist_ttl = 60\n").cache
        assert cache is not None
        assert cache.freshness == Freshness(exact=False, news_interval=5.0, list_ttl=60.0)
        default = read(tmp_path, _GOOD).cache
        assert default is not None and default.freshness == Freshness()


_UPSTREAM = '[upstream.x]\nurl = "imaps://a.example"\n'
_LISTENER = '[[listener]]\nlisten = "127.0.0.1:0"\n'


class TestBad:
    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("", ": upstream: there is none; add [upstream.NAME] with url"),
            (_UPSTREAM, ": listener: there is none; add a [[listener]] with listen"),
            (
                _UPSTREAM + _LISTENER + 'url = "imaps://b"\n',
                " line 5: listener[0].url: there is no such setting; there are: listen, upstream, ",
            ),
            (
                _LISTENER + _LISTENER + "\nlisen = 1\n" + _UPSTREAM,
                " line 6: listener[1].lisen: there is no such setting",
            ),
            ("up = 1\n", " line 1: up: there is no such setting; there are: upstream, listener"),
            (
                "[limits]\nmax = 1\n",
                " line 2: limits.max: there is no such setting; there are: max",
            ),
            (
                _LISTENER + '[upstream."my.host"]\nurl = "imaps://a"\nuser = "me"\n',
                ".user: there is no such setting; there are: url, ca_file",
            ),
            ("[upstream.x]\n", " line 1: upstream[...].url: is missing"),
            ("[[listener]]\n", " line 1: listener[0].listen: is missing"),
            ("listener = 5\n", " line 1: listener: has to be a list, not a whole number"),
            ('[limits]\nmax_line = "x"\n', " line 2: limits.max_line: has to be a whole number"),
            ("[limits]\nmax_line = 1.5\n", "has to be a whole number, not a number"),
            ("[limits]\nmax_line = true\n", "has to be a whole number, not true or false"),
            (
                _UPSTREAM + _LISTENER + 'tls = "explicit"\n',
                " line 5: listener[0].tls: has to be one of none, implicit, starttls",
            ),
            (
                '[upstream.x]\nurl = "imap://a"\n' + _LISTENER,
                " line 2: upstream.x.url: 'imap://a': plaintext to the upstream is not offered",
            ),
            (
                _UPSTREAM + 'ca_file = "no.pem"\n' + _LISTENER,
                "/no.pem: No such file or directory",
            ),
            (
                _UPSTREAM + 'pins = ["x"]\n' + _LISTENER,
                " line 3: upstream.x.pins: 'x' is not a pin",
            ),
            (
                _UPSTREAM + "connect_timeout = 0\n" + _LISTENER,
                " line 3: upstream.x.connect_timeout: has to be more than 0",
            ),
            (
                _UPSTREAM + "connect_timeout = inf\n" + _LISTENER,
                " line 3: upstream.x.connect_timeout: has to be more than 0",
            ),
            (
                _UPSTREAM + '[[listener]]\nlisten = "0.0.0.0:1"\n',
                " line 4: listener[0].listen: 0.0.0.0:1 can be reached from other machines; "
                "if that is what you want, say allow_remote = true (--allow-remote)",
            ),
            (
                _UPSTREAM + '[[listener]]\nlisten = "example.com:1"\n',
                " line 4: listener[0].listen: 'example.com' is not an IP address",
            ),
            (
                _UPSTREAM + _LISTENER + 'upstream = "y"\n',
                " line 5: listener[0].upstream: there is no [upstream.y]; there are: x",
            ),
            (
                _UPSTREAM + '[upstream.y]\nurl = "imaps://b"\n' + _LISTENER,
                " line 5: listener[0].upstream: say which one (x, y)",
            ),
            (
                _UPSTREAM + _LISTENER + 'tls = "implicit"\n',
                "listener[0].cert_file: TLS needs cert_file and key_file",
            ),
            (
                _UPSTREAM + _LISTENER + 'tls = "implicit"\ncert_file = "c"\nkey_file = "k"\n',
                " line 6: listener[0].cert_file: cannot read the certificate file",
            ),
            (
                _UPSTREAM + _LISTENER + 'cert_file = "c"\n',
                'listener[0].tls: say "implicit" or "starttls" to use the certificate',
            ),
            (
                _UPSTREAM + _LISTENER + "[limits]\nmax_line = 0\n",
                " line 6: limits.max_line: has to be more than 0",
            ),
            (_UPSTREAM + _LISTENER + "[limits]\nlogin_timeout = nan\n", "has to be more than 0"),
            (_UPSTREAM + _LISTENER + "[limits]\nlogin_timeout = inf\n", "a day at most"),
            (_UPSTREAM + _LISTENER + "[pool]\nwait = 0\n", "pool.wait: has to be more than 0"),
            (_UPSTREAM + _LISTENER + "[pool]\nmax_age = 1e9\n", "pool.max_age: is a time in sec"),
            (
                _UPSTREAM + _LISTENER + "[cache]\nlist_ttl = -1\n",
                "cache.list_ttl: has to be 0 (off) or",
            ),
            (
                _UPSTREAM + _LISTENER + "[cache]\nlist_ttl = nan\n",
                "cache.list_ttl: has to be 0 (off) or",
            ),
            (
                _UPSTREAM + _LISTENER + '[cache]\nlist_ttl = 1\nfreshness = "exact"\n',
                ' line 6: cache.list_ttl: cannot be with freshness = "exact"',
            ),
            (
                _UPSTREAM + "max_connections = 0\n" + _LISTENER,
                " line 3: upstream.x.max_connections: has to be more than 0",
            ),
            (_UPSTREAM + "[[listener]\n", "is not TOML: Expected ']]'"),
            (b"\xff\xfe", "is not UTF-8 text"),
        ],
    )
    def test_it_is_told_where_and_what(self, tmp_path, text, sentence):
        assert sentence in fault(tmp_path, text)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
            read_config(tmp_path / "none.toml")

    def test_a_directory(self, tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            read_config(tmp_path)

    def test_a_password_in_the_url_is_not_repeated(self, tmp_path):
        text = '[upstream.x]\nurl = "imaps://me:opensesame@a"\n' + _LISTENER
        assert "opensesame" not in fault(tmp_path, text)


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("a", 1),
        ("b.c", 3),
        ("b.d", 4),
        ("b.e.f", 5),
        ("b.missing", 2),
        ("l[0].x", 7),
        ("l[1].x", 9),
        ("l[1].missing", 8),
        ("l[2].x", None),
        ("q.r s.t", 11),
        ("missing", None),
    ],
)
def test_lines_are_found(place, line):
    text = 'a=1\n[b]\nc = 1\n "d" = 1\ne.f=2\n[[l]]\nx=1\n[[ l ]] # more\nx=1\n["q"."r s"]\nt=1\n'
    assert line_of(text, place) == line


@pytest.mark.parametrize(
    ("text", "shown", "loopback"),
    [
        ("1143", "127.0.0.1:1143", True),
        (":1143", "127.0.0.1:1143", True),
        ("localhost:0", "127.0.0.1:0", True),
        ("127.8.8.8:1", "127.8.8.8:1", True),
        ("[::1]:1143", "[::1]:1143", True),
        ("*:143", "0.0.0.0:143", False),
        ("[::]:143", "[::]:143", False),
        ("192.0.2.1:143", "192.0.2.1:143", False),
        ("[::ffff:192.0.2.1]:143", "[::ffff:192.0.2.1]:143", False),
    ],
)
def test_addresses_to_listen_on(text, shown, loopback):
    address = parse_listen_address(text)
    assert (str(address), address.is_loopback) == (shown, loopback)


@pytest.mark.parametrize(
    "text",
    ["", "x", "::1", "::1:143", "127.0.0.1", "127.0.0.1:", "1:65536", "[::1:1", "a b:1", "-1"],
)
def test_what_is_no_address(text):
    with pytest.raises(ListenAddressError, match=r"write it as 127\.0\.0\.1:1143"):
        parse_listen_address(text)
