"""Several processes that serve sessions on the same ports, for several cores."""
