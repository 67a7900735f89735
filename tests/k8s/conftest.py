"""A store for the Jobs of overlays/local."""

from tests.support.fixtures_s3 import s3_client, s3_server  # noqa: F401 - fixtures
