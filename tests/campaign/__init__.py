"""Kills and outages in earnest: ``python -m tests.campaign kills`` strikes real runs down until the bytes are proven.

Knows the program by its commands, its stores and its database alone. Faults are armed in the processes that are to
die, by the launcher of the tests; the program has no switch for them.
"""
