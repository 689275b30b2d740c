"""The server side that legacy mail programs talk to."""
