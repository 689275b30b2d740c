"""A mail program goes on working while everything between it and its mail breaks."""
