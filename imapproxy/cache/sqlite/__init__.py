"""The store on disk: one SQLite database, read by the reactor's thread, written by another."""
