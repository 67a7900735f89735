"""Measured promises: ``python -m tests.benchmarks NAME [--json]`` prints figures and the machine they hold for."""
