"""What a result must withstand: other circumstances, other orders of the days, empty worlds, drifting markets."""
