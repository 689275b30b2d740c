"""Accounts, mailboxes, and what each session sees of them. No I/O; the clock is handed in."""
