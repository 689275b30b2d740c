"""A model of a server, of a client that checks what it hears, and the proxy between them."""
