"""Databases as rollback writes to them: one transaction, every value as an SQL literal, nothing done unasked."""

from recon.database.writing.interface import (
    Column,
    Content,
    Key,
    Reference,
    Remark,
    StoredRow,
    Table,
    WritableDatabase,
    WriteError,
)
from recon.database.writing.opening import open_for_writing

__all__ = [
    "Column",
    "Content",
    "Key",
    "Reference",
    "Remark",
    "StoredRow",
    "Table",
    "WritableDatabase",
    "WriteError",
    "open_for_writing",
]
