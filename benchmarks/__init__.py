"""Benchmarks: the proxy against the same server direct, in one run and by the same client.

``python -m benchmarks`` measures speed, ``python -m benchmarks.memory`` memory. Both start all they
need themselves: a private Dovecot, the proxy and, where installed, stunnel to compare with.
"""
