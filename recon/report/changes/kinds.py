"""The outcome whose colour each kind of change has on pages."""

KINDS = {"fixed": "PASS", "new": "FAIL", "changed": "WARN", "re-opened": "FAIL", "not known": "ERROR"}
