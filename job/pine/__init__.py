"""The published indicator "Machine Learning: Lorentzian Classification" (jdehorty, TradingView), as a baseline.

It knows nothing of labels, windows or models: klines go in, the position that the indicator wants comes out.
"""
