"""The server: live heads in a browser."""
