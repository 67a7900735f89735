"""What a run is: its plan, the attempts at its windows, how far they are, and the ledger of what was read."""
