"""Real mail programs work for a long time over a line that breaks, and the proxy stays as it is."""
