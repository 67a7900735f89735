"""The page that shows finished runs: reads the artifact store and nothing else.

It must never import torch, psycopg or the training code, and never opens a pickle or a ``.pt`` file.
"""
