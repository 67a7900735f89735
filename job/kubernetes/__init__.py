"""The job as Kubernetes sees it: the Indexed Job that runs a walk-forward, a window an index."""
