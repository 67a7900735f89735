"""Where results live: a folder or an S3 bucket behind one small interface.

Takes bytes and records, never models, so that the dashboard image needs no torch.
"""
