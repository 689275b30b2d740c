"""Fuzzing: inputs that nobody thought of, for whatever reads octets of somebody else."""
