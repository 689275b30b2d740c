"""Which cache is meant, and which server: from a configuration file or from the command line."""

from pathlib import Path
from typing import NamedTuple

import click

from imapproxy.cli_options import UPSTREAM_HELP, options, upstream_options
from imapproxy.config import (
    CacheSettings,
    Config,
    ConfigError,
    UpstreamConfig,
    cache_settings,
    load_upstream,
    read_config,
)
from imapproxy.octets import parse_octets
from imapproxy.upstream.dial import Upstream

_SLOWEST = 1000  # octets a second

place_options = options(
    click.option("--config", "config_file", metavar="FILE", help="The proxy's TOML file."),
    click.option("--data-dir", metavar="DIR", help="Where the cache lives, if not told there."),
)
server_options = options(
    click.option(
        "--upstream",
        metavar="URL",
        help=UPSTREAM_HELP + " With --config: the NAME of one of its [upstream.NAME].",
    ),
    upstream_options,
)


class Place(NamedTuple):
    """The cache that is meant, and what the configuration says of servers."""

    cache: CacheSettings
    config: Config
    base: Path


class ServerOptions(NamedTuple):
    """What the command line says of a server."""

    upstream: str | None
    ca_file: str | None
    pins: tuple[str, ...]

    @property
    def any_told(self) -> bool:
        """Whether it says anything."""
        return self != (None, None, ())


def place_of(config_file: str | None, data_dir: str | None) -> Place:
    """The cache that the options mean. Raises :class:`ConfigError`."""
    if config_file is None:
        config, base = Config(data_dir=data_dir), Path.cwd()
    elif data_dir is not None:
        raise ConfigError("--config tells where the cache is: leave out --data-dir")
    else:
        settings = read_config(Path(config_file))
        config, base = settings.config, settings.base
    cache = cache_settings(config, base)
    if cache is None:
        raise ConfigError(f"{config_file}: the cache is switched off; say enabled = true ([cache])")
    return Place(cache, config, base)


def server_of(place: Place, options: ServerOptions) -> Upstream:
    """The server that is meant. Raises :class:`ConfigError`."""
    if not place.config.upstream:
        return _told_server(options)
    if options.ca_file or options.pins:
        raise ConfigError("--config tells what is trusted: leave out --ca-file and --pin")
    known = place.config.upstream
    if options.upstream is None and len(known) > 1:
        raise ConfigError(f"say which one with --upstream: {', '.join(known)}")
    name = options.upstream or next(iter(known))
    if name not in known:
        raise ConfigError(
            f"--upstream: there is no [upstream.{name}]; there are {', '.join(known)}"
        )
    return load_upstream(f"upstream.{name}", known[name], place.base)


def _told_server(options: ServerOptions) -> Upstream:
    if options.upstream is None:
        raise ConfigError("say where the mail is: --upstream imaps://imap.example.com")
    config = UpstreamConfig(options.upstream, ca_file=options.ca_file, pins=options.pins)
    names = {"url": "--upstream", "ca_file": "--ca-file", "pins": "--pin"}
    try:
        return load_upstream("server", config, Path.cwd())
    except ConfigError as error:
        key = error.key.rpartition(".")[2]
        raise ConfigError(error.message, names.get(key, key)) from None


def rate_of(told: str | None) -> int | None:
    """Octets a second. Raises :class:`ConfigError`."""
    if told is None:
        return None
    try:
        octets = parse_octets(told)
    except ValueError as error:
        raise ConfigError(f"--rate: {error}") from None
    if octets < _SLOWEST:
        raise ConfigError(f"--rate: {told} is too slow to be of use; 1KB at least")
    return octets
