"""Who runs a run: one pod or many workers, the window at hand, and the finalizer at the end."""
