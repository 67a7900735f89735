"""What Prometheus is told of a command: a listener of the log's events, and three ways out (a port, a push, a file)."""
