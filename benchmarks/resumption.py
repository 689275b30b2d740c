"""``python -m benchmarks.resumption``: TCP, TLS and greeting, with and without a TLS session.

There is no round trip to save: the server speaks first, and may only when the client's last word of
the handshake has arrived. What is saved are certificates, to send, to sign for and to verify.
"""

import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor  # noqa: TID251 - a program of its own
from twisted.internet.defer import Deferred

from benchmarks.delay import RATE, RTT, delayed
from benchmarks.memory import stub
from imapproxy.running import run_to_end
from imapproxy.upstream.address import Address
from imapproxy.upstream.dial import Upstream, dial
from imapproxy.upstream.tls import UpstreamTls, load_ca_file

_ROUNDS = 40

reactor: Any = _reactor


async def _dialled(upstream: Upstream) -> float:
    began = time.perf_counter()
    client = await dial(reactor, upstream)
    seconds = time.perf_counter() - began
    gone: Deferred[None] = client.connection.when_lost()
    client.connection.abort()
    await gone
    return seconds


async def _measure(port: int, ca_file: Path) -> tuple[float, float]:
    """Milliseconds, medians: each time anew, and each time going on."""
    address = Address("imaps", "localhost", port)
    authorities = load_ca_file(ca_file)
    known = Upstream(address, UpstreamTls("localhost", authorities))
    await _dialled(known)
    anew, going_on = [], []
    for _ in range(_ROUNDS):
        anew.append(await _dialled(Upstream(address, UpstreamTls("localhost", authorities))))
        going_on.append(await _dialled(known))
    return statistics.median(anew) * 1000, statistics.median(going_on) * 1000


async def _rows() -> int:
    print(f"{'TCP, TLS and greeting':<44}{'anew':>16}{'resumed':>16}")
    for version in ("TLSv1_2", "TLSv1_3"):
        for rtt in (0.0, RTT):
            with ExitStack() as stack:
                url, ca_file = stack.enter_context(stub(version))
                port = int(url.rpartition(":")[2])
                if rtt:
                    port = stack.enter_context(delayed(port, rtt, RATE))
                anew, going_on = await _measure(port, ca_file)
            line = f"{version.replace('_', '.')}, {f'{rtt:g} ms' if rtt else 'loopback'}"
            print(f"{line:<44}{anew:>13,.1f} ms{going_on:>13,.1f} ms", flush=True)
    return 0


if __name__ == "__main__":
    run_to_end(reactor, _rows())
