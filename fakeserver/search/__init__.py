"""SEARCH: keys made into a test that each message passes or not. Pure."""
