"""In which ways the differential test is run: what is in front of Dovecot, and what is judged."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.real.cache_script import Form, cache_script
from tests.real.caching_proxy import CachingProxy
from tests.real.comparison import Comparison, Watched, compare, watch
from tests.real.dovecot import Dovecot
from tests.real.participant import Server, Straight
from tests.real.proxy import Proxy
from tests.real.script import script
from tests.real.steps import Step

# Dovecot offers the rest, and goes on telling HIGHESTMODSEQ whether anyone wants it or not.
_WITHOUT_CONDSTORE = """\
imap_capability = IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ UIDPLUS UNSELECT \
NAMESPACE CHILDREN ESEARCH MOVE BINARY SPECIAL-USE LIST-EXTENDED LIST-STATUS WITHIN SORT
"""
# Seconds. Short, so that the proxy asks for news on its own in the middle of a script.
_NEWS_INTERVAL = 0.02


@dataclass(frozen=True)
class Mode:
    """A way to run scripts.

    ``cache`` is ``off``, ``exact`` or ``live``; ``direct`` means Dovecot in the place of the proxy.
    ``plain`` scripts are those about all of IMAP, the others those that try a cache. ``lawful``:
    one run is judged by what a client may be told, instead of two by being the same; that alone
    can judge a ``live`` cache whose news comes at its own times.
    """

    cache: str = "off"
    plain: bool = False
    warm: bool = False
    restarts: bool = False
    hides_condstore: bool = False
    lawful: bool = False
    direct: bool = False

    def __str__(self) -> str:
        words = ["direct" if self.direct else f"cache {self.cache}"]
        words.append("plain script" if self.plain else "warm" if self.warm else "cold")
        words += ["restarts"] * self.restarts + ["no CONDSTORE"] * self.hides_condstore
        words.append("lawful?" if self.lawful else "the same?")
        return ", ".join(words)

    def script(self, seed: int, commands: int) -> Sequence[Step]:
        """Return the script of a seed for this mode."""
        if self.plain:
            return script(seed, commands)
        form = Form(
            warm=self.warm,
            restarts=self.restarts,
            condstore=not self.hides_condstore,
            noops=self.cache == "live" and not self.lawful,
            wild=self.lawful,
        )
        return cache_script(seed, commands, form)

    def run(
        self, dovecot: Dovecot, server: Server, seed: int, commands: int
    ) -> Comparison | Watched:
        """Run the script of a seed, and judge it."""
        steps, title = self.script(seed, commands), f"{self}: seed {seed}"
        if self.lawful:
            return watch(dovecot, server, steps, title)
        steady = self.cache != "off" or not self.plain
        return compare(dovecot, server, steps, title, steady=steady)

    def dovecot(self) -> Dovecot:
        """Return the server for this mode, not started."""
        return Dovecot(settings=_WITHOUT_CONDSTORE if self.hides_condstore else "")

    @contextmanager
    def server(self, dovecot: Dovecot) -> Iterator[Server]:
        """Yield what A connects to. A proxy must have ended well, without complaints in its log."""
        if self.direct:
            yield Straight(dovecot.imap_port)
            return
        with (
            TemporaryDirectory(prefix="imapproxy-") as directory,
            self._proxy(dovecot, Path(directory)) as proxy,
        ):
            yield proxy

    def _proxy(self, dovecot: Dovecot, directory: Path) -> Proxy:
        if self.cache == "off":
            return Proxy(dovecot.upstream, dovecot.ca_file, options=["--no-cache"])
        interval = _NEWS_INTERVAL if self.lawful else None
        return CachingProxy(
            dovecot.upstream, dovecot.ca_file, directory, self.cache, news_interval=interval
        )


#: What ``make differential`` runs.
MODES = (
    Mode(plain=True),
    Mode(),
    Mode("exact", plain=True),
    Mode("exact"),
    Mode("exact", warm=True, restarts=True),
    Mode("exact", warm=True, hides_condstore=True),
    Mode("live"),
    Mode("live", warm=True, restarts=True),
    Mode("live", warm=True, hides_condstore=True),
    Mode("live", lawful=True),
    Mode("live", warm=True, restarts=True, lawful=True),
    Mode("live", warm=True, hides_condstore=True, lawful=True),
)
