"""Causal, stationary features of closed bars, each with its declared lookback."""
