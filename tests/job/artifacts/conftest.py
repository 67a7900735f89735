"""The two stores, for all tests of this folder."""

from tests.support.fixtures_s3 import (
    folder_store,
    s3_client,
    s3_environment,
    s3_save_path,
    s3_server,
    s3_store,
    store,
)

__all__ = ["folder_store", "s3_client", "s3_environment", "s3_save_path", "s3_server", "s3_store", "store"]
