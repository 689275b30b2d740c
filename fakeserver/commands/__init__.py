"""The commands: one module per family, each command a generator of what it says."""
