"""A local IMAP proxy: plaintext for legacy mail programs, verified TLS to the server."""

__version__ = "0.1.0"
