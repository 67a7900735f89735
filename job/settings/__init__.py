"""Every setting: what there is, which command takes it, what it is called, and where its value came from."""
