"""One file per command of ``lorentzian``: settings in, calls to the stages, words for the user out."""
