"""What each of several workers keeps to, so that all of them together keep to the configuration."""

from typing import TypeVar

import msgspec

from imapproxy.config import Config
from imapproxy.listen_address import ListenAddress

# What is counted of all sessions together. It is divided and rounded down, but to no less than one.
_LIMITS = (
    "max_unauthenticated",
    "max_sessions",
    "max_sessions_per_address",
    "max_sessions_per_account",
    "max_refused_logins",
)
_POOL = ("per_account", "in_all")
_UPSTREAM = ("max_connections",)

S = TypeVar("S", bound=msgspec.Struct)


def shared(config: Config, workers: int) -> Config:
    """The configuration for one of so many workers."""
    return msgspec.structs.replace(
        config,
        workers=1,
        limits=_divided(config.limits, _LIMITS, workers),
        pool=_divided(config.pool, _POOL, workers),
        upstream={
            name: _divided(upstream, _UPSTREAM, workers)
            for name, upstream in config.upstream.items()
        },
    )


def _divided(table: S, names: tuple[str, ...], workers: int) -> S:
    values = {name: getattr(table, name) for name in names}
    shares = {name: max(1, value // workers) for name, value in values.items() if value is not None}
    return msgspec.structs.replace(table, **shares)


def at(config: Config, addresses: list[ListenAddress]) -> Config:
    """The configuration with the real address of each listener."""
    listeners = tuple(
        msgspec.structs.replace(listener, listen=str(address))
        for listener, address in zip(config.listener, addresses, strict=True)
    )
    return msgspec.structs.replace(config, listener=listeners)
