"""The container images: laws of their files, as tests, and ``tests/images/run``, which builds them and tries them."""
