"""One legacy session and its partner: what goes upstream, what comes back."""
