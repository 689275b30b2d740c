"""A message as octets, and everything that IMAP tells about it: pure, no store and no I/O."""
