"""What each worker keeps to, and where it thinks it listens."""

import msgspec

from imapproxy.config import Config, LimitsConfig, ListenerConfig, UpstreamConfig
from imapproxy.listen_address import ListenAddress
from imapproxy.workers.share import at, shared

_CONFIG = Config(
    {"one": UpstreamConfig("imaps://a", max_connections=15), "two": UpstreamConfig("imaps://b")},
    (ListenerConfig("127.0.0.1:0", "one"), ListenerConfig("[::1]:0", "two", tls="implicit")),
    LimitsConfig(max_sessions=100, max_sessions_per_account=3, max_refused_logins=10),
    workers=4,
)


def test_what_is_counted_in_all_is_divided():
    share = shared(_CONFIG, 4)
    assert share.workers == 1
    limits = share.limits
    assert (limits.max_sessions, limits.max_unauthenticated, limits.max_refused_logins) == (
        25,
        50,
        2,
    )
    assert (limits.max_sessions_per_account, limits.max_sessions_per_address) == (1, None)
    assert (share.pool.per_account, share.pool.in_all) == (1, _CONFIG.pool.in_all // 4)
    assert [share.upstream[name].max_connections for name in ("one", "two")] == [3, None]


def test_everything_else_is_as_it_was():
    share = shared(_CONFIG, 4)
    restored = msgspec.structs.replace(
        share,
        workers=_CONFIG.workers,
        upstream=_CONFIG.upstream,
        limits=msgspec.structs.replace(
            share.limits,
            **{
                name: getattr(_CONFIG.limits, name)
                for name in _CONFIG.limits.__struct_fields__
                if name.startswith(("max_sessions", "max_unauthenticated", "max_refused"))
            },
        ),
        pool=msgspec.structs.replace(
            share.pool, per_account=_CONFIG.pool.per_account, in_all=_CONFIG.pool.in_all
        ),
    )
    assert restored == _CONFIG
    assert shared(restored, 1).limits == _CONFIG.limits


def test_the_real_addresses():
    placed = at(_CONFIG, [ListenAddress("127.0.0.1", 5), ListenAddress("::1", 6)])
    assert [listener.listen for listener in placed.listener] == ["127.0.0.1:5", "[::1]:6"]
    assert [listener.tls for listener in placed.listener] == ["none", "implicit"]


def test_it_survives_the_channel():
    octets = msgspec.json.encode(_CONFIG)
    assert msgspec.json.decode(octets, type=Config) == _CONFIG
