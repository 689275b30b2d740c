"""``python -m tests.conformance.many_accounts N PASSWORD``: the fake server with many accounts."""

import json
import sys

from twisted.internet import reactor  # noqa: TID251 - it is a program of its own
from twisted.internet.defer import Deferred

from fakeserver.server import FakeServer


def main() -> None:
    """Serve ``user0001`` to ``userN`` until a signal comes."""
    server = FakeServer(reactor)
    for number in range(1, int(sys.argv[1]) + 1):
        server.add_account(f"user{number:04}", sys.argv[2], empty=True)

    async def serve() -> None:
        await server.start()
        ready = {"imap": server.port, "imaps": server.tls_port, "ca_file": str(server.ca_file)}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()

    def stop() -> Deferred[None]:
        return Deferred.fromCoroutine(server.stop())

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(serve()))
    reactor.addSystemEventTrigger("before", "shutdown", stop)
    reactor.run()


if __name__ == "__main__":
    main()
