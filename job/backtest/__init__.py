"""Positions decided at a close, filled at the next open, after costs."""
