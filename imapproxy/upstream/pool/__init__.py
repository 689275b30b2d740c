"""Connections that are logged in and wait for the next session of the same account.

``plan`` decides what to hand out, open and close, and does no I/O; ``pool`` does what it says.
"""
