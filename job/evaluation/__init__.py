"""What the numbers mean: measures, intervals, deflation and the verdict."""
