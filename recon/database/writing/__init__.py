"""Databases as rollback writes to them: one transaction, every value as an SQL literal, nothing done unasked."""

from recon.database.writing.interface import (
    Content,
    Key,
    Reference,
    Remark,
    StoredRow,
    TargetColumn,
    TargetTable,
    WritableDatabase,
    WriteError,
)
from recon.database.writing.opening import open_for_writing

__all__ = [
    "Content",
    "Key",
    "Reference",
    "Remark",
    "StoredRow",
    "TargetColumn",
    "TargetTable",
    "WritableDatabase",
    "WriteError",
    "open_for_writing",
]
