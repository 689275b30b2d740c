"""The proxy with a cache, set up as people do: by a configuration file and a data directory."""

from pathlib import Path

from tests.real.proxy import Proxy


class CachingProxy(Proxy):
    """``imapproxy run --config``; ``freshness`` is ``exact`` or ``live``.

    ``more`` are other keys of ``[cache]`` whose values are numbers.
    """

    def __init__(
        self,
        upstream: str,
        ca_file: Path,
        directory: Path,
        freshness: str,
        *,
        news_interval: float | None = None,
        offline: bool = False,
        **more: float,
    ) -> None:
        super().__init__(upstream, ca_file)
        self._directory = directory
        self._freshness = freshness
        self._offline = offline
        self._numbers = dict(more)
        if news_interval is not None:
            self._numbers["news_interval"] = news_interval

    def _arguments(self) -> list[str | Path]:
        cache = [f'freshness = "{self._freshness}"']
        cache += [f"offline = {str(self._offline).lower()}"]
        cache += [f"{key} = {value}" for key, value in self._numbers.items()]
        lines = [
            f'data_dir = "{self._directory / "data"}"',
            "[upstream.dovecot]",
            f'url = "{self.upstream}"',
            f'ca_file = "{self.ca_file}"',
            "[[listener]]",
            'listen = "127.0.0.1:0"',
            "[cache]",
            *cache,
        ]
        file = self._directory / "imapproxy.toml"
        file.write_text("\n".join(lines) + "\n", "utf-8")
        return ["--config", file]
