"""The configuration: from TOML or the command line to values that are known to be good."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec
from platformdirs import user_data_path

from imapproxy.config_errors import explain, line_of
from imapproxy.listen_address import ListenAddress, ListenAddressError, parse_listen_address
from imapproxy.listener.limits import Limits
from imapproxy.listener.tls import CertificateError, ServerTls
from imapproxy.octets import parse_octets
from imapproxy.relay.comeback import ReconnectRules
from imapproxy.relay.freshness import NEWS_INTERVAL, Freshness
from imapproxy.upstream.address import AddressError, parse_address
from imapproxy.upstream.dial import TIMEOUT, Upstream
from imapproxy.upstream.keepalive import DEAD_AFTER
from imapproxy.upstream.pool.rules import PoolRules
from imapproxy.upstream.tls import TrustError, UpstreamTls, load_ca_file, parse_pin

# Seconds. TOML has "inf", of which no clock can make anything.
_LONGEST = 24 * 60 * 60.0
_MOST_WORKERS = 64
_SMALLEST_CACHE = 16 * 1024 * 1024


class ConfigError(Exception):
    """The configuration is wrong; ``str()`` is one line with the place and the mend.

    ``key`` is the place in the file (``listener[0].listen``), ``message`` the rest.
    """

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(f"{key}: {message}" if key else message)
        self.key = key
        self.message = message


class UpstreamConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[upstream.NAME]``: a server. ``connect_timeout`` is in seconds, ``max_connections`` is what
    it allows each account.
    """

    url: str
    ca_file: str | None = None
    pins: tuple[str, ...] = ()
    connect_timeout: float = TIMEOUT
    max_connections: int | None = None
    compress: bool = False


class ListenerConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[[listener]]``: an address for clients. ``upstream`` may be left out if there is one."""

    listen: str
    upstream: str | None = None
    allow_remote: bool = False
    tls: Literal["none", "implicit", "starttls"] = "none"
    cert_file: str | None = None
    key_file: str | None = None


class LimitsConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[limits]``: see :class:`imapproxy.listener.limits.Limits` for units."""

    max_line: int = Limits.max_line
    max_login_octets: int = Limits.max_login_octets
    login_timeout: float = Limits.login_timeout
    max_unauthenticated: int = Limits.max_unauthenticated
    max_sessions: int = Limits.max_sessions
    max_sessions_per_address: int | None = Limits.max_sessions_per_address
    max_sessions_per_account: int | None = Limits.max_sessions_per_account
    max_login_failures: int = Limits.max_login_failures
    max_login_delay: float = Limits.max_login_delay
    max_refused_logins: int = Limits.max_refused_logins
    max_bad_commands: int = Limits.max_bad_commands
    max_pipelined: int = Limits.max_pipelined
    drain_grace: float = Limits.drain_grace


class PoolConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[pool]``: see :class:`imapproxy.upstream.pool.rules.PoolRules` for what they mean."""

    enabled: bool = True
    per_account: int = PoolRules().per_account
    in_all: int = PoolRules().in_all
    idle_timeout: float = PoolRules().idle_timeout
    max_age: float = PoolRules().max_age
    probe_after: float = PoolRules().probe_after
    wait: float = PoolRules().wait


class CacheConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[cache]``: what is kept on this machine, and when it is believed.

    ``freshness``: see :class:`imapproxy.relay.freshness.Freshness`. ``news_interval`` and
    ``list_ttl`` are in seconds, ``max_size`` in octets or with a unit. ``offline`` is whether what
    is held can be read while the server cannot be reached.
    """

    enabled: bool = True
    freshness: Literal["live", "exact"] = "live"
    news_interval: float = NEWS_INTERVAL
    list_ttl: float = 0.0
    max_size: str | int = "2GiB"
    offline: bool = True


class ReconnectConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[reconnect]``: see :class:`imapproxy.relay.comeback.ReconnectRules`."""

    enabled: bool = True
    patience: float = ReconnectRules().patience
    dead_after: float = ReconnectRules().dead_after
    silent_after: float = ReconnectRules().silent_after


class Config(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file. ``data_dir`` is where the cache lives; ``workers`` is how many processes
    serve the sessions; ``status_socket`` is where ``imapproxy status`` asks. The first and the last
    have a place of their own for each user if they are not told.
    """

    upstream: dict[str, UpstreamConfig] = {}
    listener: tuple[ListenerConfig, ...] = ()
    limits: LimitsConfig = LimitsConfig()
    pool: PoolConfig = PoolConfig()
    reconnect: ReconnectConfig = ReconnectConfig()
    cache: CacheConfig = CacheConfig()
    data_dir: str | None = None
    workers: int = 1
    status_socket: str | None = None


class ListenerSettings(msgspec.Struct, frozen=True):
    """A listener that can be started. ``tls_from_start`` is implicit TLS, else ``tls`` is for
    STARTTLS.
    """

    address: ListenAddress
    upstream: Upstream
    tls: ServerTls | None
    tls_from_start: bool
    allow_remote: bool


class CacheSettings(msgspec.Struct, frozen=True):
    """Where the cache lives, how many octets it may have, how fresh its answers are, and whether
    it is read offline.
    """

    directory: Path
    max_octets: int
    freshness: Freshness
    offline: bool = True


class Settings(msgspec.Struct, frozen=True):
    """Everything checked and loaded. Without ``cache`` nothing is kept. ``config`` is what it was
    made from, in the directory ``base``: other processes make their own of it.
    """

    listeners: tuple[ListenerSettings, ...]
    limits: Limits
    pool: PoolRules = PoolRules()
    reconnect: ReconnectRules = ReconnectRules()
    workers: int = 1
    status_socket: Path | None = None
    cache: CacheSettings | None = None
    config: Config = Config()
    base: Path = Path()


def read_config(path: Path) -> Settings:
    """Read and check a file. Raises :class:`ConfigError`. Relative paths are the file's."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text") from None
    try:
        config = msgspec.convert(tomllib.loads(text), Config)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None
    except msgspec.ValidationError as error:
        key, message = explain(str(error), Config)
        raise _placed(path, text, ConfigError(message, key)) from None
    try:
        return check_config(config, path.parent)
    except ConfigError as error:
        raise _placed(path, text, error) from None


def _placed(path: Path, text: str, error: ConfigError) -> ConfigError:
    line = line_of(text, error.key)
    return ConfigError(f"{path}{f' line {line}' if line else ''}: {error}")


def check_config(config: Config, base: Path) -> Settings:
    """Load what the configuration names. Raises :class:`ConfigError`, naming the key."""
    if not config.upstream:
        raise ConfigError("there is none; add [upstream.NAME] with url = …", "upstream")
    if not config.listener:
        raise ConfigError("there is none; add a [[listener]] with listen = …", "listener")
    upstreams = {
        name: load_upstream(f"upstream.{name}", upstream, base, config.reconnect.dead_after)
        for name, upstream in config.upstream.items()
    }
    listeners = tuple(
        _listener(f"listener[{index}]", listener, upstreams, base)
        for index, listener in enumerate(config.listener)
    )
    if not 1 <= config.workers <= _MOST_WORKERS:
        raise ConfigError(f"has to be from 1 to {_MOST_WORKERS}", "workers")
    return Settings(
        listeners,
        _limits(config.limits),
        _pool(config.pool),
        _reconnect(config.reconnect),
        config.workers,
        base / config.status_socket if config.status_socket else None,
        cache_settings(config, base),
        config,
        base,
    )


def cache_settings(config: Config, base: Path) -> CacheSettings | None:
    """Where the cache is, ``None`` if it is off. Raises :class:`ConfigError`."""
    cache = config.cache
    if not cache.enabled:
        return None
    if not 0 < cache.news_interval <= _LONGEST:
        raise ConfigError("has to be more than 0 and a day at most", "cache.news_interval")
    if not 0 <= cache.list_ttl <= _LONGEST:
        raise ConfigError("has to be 0 (off) or more, and a day at most", "cache.list_ttl")
    if cache.list_ttl and cache.freshness == "exact":
        raise ConfigError(
            'cannot be with freshness = "exact": lists of mailboxes would not be', "cache.list_ttl"
        )
    try:
        max_octets = parse_octets(str(cache.max_size))
    except ValueError as error:
        raise ConfigError(str(error), "cache.max_size") from None
    if max_octets < _SMALLEST_CACHE:
        raise ConfigError("is too small to be of use; 16MiB at least", "cache.max_size")
    directory = base / config.data_dir if config.data_dir else user_data_path("imapproxy")
    freshness = Freshness(cache.freshness == "exact", cache.news_interval, cache.list_ttl)
    return CacheSettings(directory, max_octets, freshness, cache.offline)


def load_upstream(
    key: str, config: UpstreamConfig, base: Path, dead_after: float = DEAD_AFTER
) -> Upstream:
    """Load what is said of a server. Raises :class:`ConfigError`, with ``key`` in front."""
    try:
        address = parse_address(config.url)
    except AddressError as error:
        raise ConfigError(str(error), f"{key}.url") from None
    if not 0 < config.connect_timeout <= _LONGEST:
        raise ConfigError("has to be more than 0 and a day at most", f"{key}.connect_timeout")
    try:
        pins = [parse_pin(pin) for pin in config.pins]
    except TrustError as error:
        raise ConfigError(str(error), f"{key}.pins") from None
    try:
        authorities = load_ca_file(base / config.ca_file) if config.ca_file else None
    except TrustError as error:
        raise ConfigError(str(error), f"{key}.ca_file") from None
    if config.max_connections is not None and config.max_connections < 1:
        raise ConfigError("has to be more than 0", f"{key}.max_connections")
    return Upstream(
        address,
        UpstreamTls(address.host, authorities, pins),
        config.connect_timeout,
        config.max_connections,
        config.compress,
        dead_after,
    )


def _listener(
    key: str, config: ListenerConfig, upstreams: dict[str, Upstream], base: Path
) -> ListenerSettings:
    try:
        address = parse_listen_address(config.listen)
    except ListenAddressError as error:
        raise ConfigError(str(error), f"{key}.listen") from None
    if not (address.is_loopback or config.allow_remote):
        raise ConfigError(
            f"{address} can be reached from other machines; if that is what you want, say "
            "allow_remote = true (--allow-remote)",
            f"{key}.listen",
        )
    return ListenerSettings(
        address,
        _chosen_upstream(key, config, upstreams),
        _server_tls(key, config, base),
        config.tls == "implicit",
        config.allow_remote,
    )


def _chosen_upstream(key: str, config: ListenerConfig, upstreams: dict[str, Upstream]) -> Upstream:
    if config.upstream is None and len(upstreams) == 1:
        return next(iter(upstreams.values()))
    known = ", ".join(upstreams) or "none"
    if config.upstream is None:
        raise ConfigError(f"say which one ({known})", f"{key}.upstream")
    if config.upstream not in upstreams:
        raise ConfigError(
            f"there is no [upstream.{config.upstream}]; there are: {known}", f"{key}.upstream"
        )
    return upstreams[config.upstream]


def _server_tls(key: str, config: ListenerConfig, base: Path) -> ServerTls | None:
    if config.tls == "none":
        if config.cert_file or config.key_file:
            raise ConfigError('say "implicit" or "starttls" to use the certificate', f"{key}.tls")
        return None
    if not (config.cert_file and config.key_file):
        raise ConfigError("TLS needs cert_file and key_file", f"{key}.cert_file")
    try:
        return ServerTls(base / config.cert_file, base / config.key_file)
    except CertificateError as error:
        raise ConfigError(str(error), f"{key}.cert_file") from None


def _limits(config: LimitsConfig) -> Limits:
    values = msgspec.structs.asdict(config)
    _check_positive("limits", values)
    return Limits(**values)


def _pool(config: PoolConfig) -> PoolRules:
    values = msgspec.structs.asdict(config)
    enabled = values.pop("enabled")
    _check_positive("pool", values)
    rules = PoolRules(**values)
    return rules if enabled else dataclasses.replace(rules, per_account=0)


def _reconnect(config: ReconnectConfig) -> ReconnectRules:
    values = msgspec.structs.asdict(config)
    enabled = values.pop("enabled")
    _check_positive("reconnect", values)
    rules = ReconnectRules(**values)
    return rules if enabled else dataclasses.replace(rules, patience=0.0)


def _check_positive(table: str, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if value is None:
            continue
        if not value > 0:  # nor "nan"
            raise ConfigError("has to be more than 0", f"{table}.{name}")
        if isinstance(value, float) and value > _LONGEST:
            raise ConfigError("is a time in seconds, a day at most", f"{table}.{name}")
