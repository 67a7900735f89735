"""Figures: pure functions from what is stored to a chart."""
