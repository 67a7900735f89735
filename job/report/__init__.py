"""Pictures and the self-contained page of a finished run."""
