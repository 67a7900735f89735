"""Klines to features to walk-forward windows to verdict: the batch job of Lorentzian Trainer."""
