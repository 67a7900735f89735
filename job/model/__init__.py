"""The Lorentzian classifier, its training, its baselines and its file format."""
