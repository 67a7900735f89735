"""The windows of a finished run in one object."""

from typing import Literal

from job.records.shapes import SCHEMA_VERSION, Record
from job.records.window import WindowRecord


class WindowsRecord(Record):
    """Every window that finished, in order; of the models only the traded one.

    What each window stored of its own stays where it is: this is for whoever shows all of them at once.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    windows: tuple[WindowRecord, ...]
