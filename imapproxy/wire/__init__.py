"""The IMAP language: bytes in, frozen values out. No I/O, no Twisted, no clock."""
