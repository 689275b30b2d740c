"""Reading what is held while the upstream cannot be reached."""
