"""The model in use: which one it is, what it says of the newest closed bar and why, and what became of what it said.

Nothing here places an order, or knows how one is placed.
"""
