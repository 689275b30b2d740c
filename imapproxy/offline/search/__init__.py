"""SEARCH over what is held, which knows when it does not know."""
