"""The Twisted IMAP client engine: everything that is said to the real server."""
