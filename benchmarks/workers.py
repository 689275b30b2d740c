"""``python -m benchmarks.workers``: what one worker serves in a second, and what several do.

The clients and the stub server need a core of their own; where there are only two, a second worker
has little to gain, and the table says how many there were.
"""

import os
import statistics
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import click

from benchmarks.client import Client, Endpoint
from benchmarks.memory import stub
from benchmarks.process import Process
from tests.real.proxy import Proxy

_CLIENTS = 8
_BATCHES = 20
_BATCH = 500
_ROUNDS = 5


def _pipeline(client: Client) -> None:
    """Many commands at once, again and again: what a client costs is next to nothing."""
    commands = b"".join(b"n NOOP\r\n" for _ in range(_BATCH - 1))
    for _ in range(_BATCHES):
        client.send_octets(commands)
        client.run(b"NOOP")


def _rate(clients: list[Client]) -> float:
    """Commands a second of all clients together."""
    threads = [threading.Thread(target=_pipeline, args=(client,)) for client in clients]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(clients) * _BATCHES * _BATCH / (time.perf_counter() - began)


def _rates(upstream: str, ca_file: Path, workers: int) -> tuple[float, float]:
    """Commands a second, and memory of all processes in MB."""
    options = ["--workers", str(workers), "--no-cache"]
    with Proxy(upstream, ca_file, options=options) as proxy, ExitStack() as stack:
        clients = []
        for number in range(_CLIENTS):
            client = stack.enter_context(Client(Endpoint(proxy.port)))
            client.log_in(f"user{number}", "password")
            clients.append(client)
        rate = statistics.median(_rate(clients) for _ in range(_ROUNDS))
        pids = [proxy.program.pid, *_children(proxy.program.pid)]
        return rate, sum(Process(pid).resident for pid in pids) / 1_000_000


def _children(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in threads for child in (task / "children").read_text().split()]


@click.command()
@click.option("--most", default=2, show_default=True, help="The greatest number of workers.")
def main(most: int) -> None:
    """Compare one worker with several."""
    print(f"{_CLIENTS} clients, {os.cpu_count()} cores for them, the server and the proxy")
    with stub() as (upstream, ca_file):
        first = 0.0
        for workers in range(1, most + 1):
            rate, memory = _rates(upstream, ca_file, workers)
            first = first or rate
            print(
                f"workers {workers}: {rate:>8,.0f} NOOP/s  x{rate / first:.2f}  {memory:>5.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
