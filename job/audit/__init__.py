"""Checks of honesty on the user's own data; each takes what it examines as an argument, so it can be shown to fail."""
