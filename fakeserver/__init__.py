"""An in-memory IMAP4rev1 server for testing mail software."""
