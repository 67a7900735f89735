"""Every bad input that was tried, and what came out: ``python -m tests.bad_input`` prints the table."""
