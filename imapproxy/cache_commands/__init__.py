"""``imapproxy cache``: what people do with the cache."""
