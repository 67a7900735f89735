"""The pages, one a file: an address, a title, and ``layout(repository, **arguments)``."""
