"""What is kept of a mailbox, and what may be answered from it."""
