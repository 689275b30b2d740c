"""A port whose server is away for a while, and that nobody else is to be given meanwhile."""

import socket


def reserved(port: int) -> socket.socket:
    """Hold on to a port of 127.0.0.1 until this is closed: who connects to it is refused.

    Bound and not listening, it is given to no connection and nobody who asks for any port; a server
    that binds it with SO_REUSEADDR, as servers do, gets it all the same.
    """
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", port))
    return held
