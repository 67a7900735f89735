"""Klines and features at the edge: Postgres, Binance, files, and the synthetic markets."""
