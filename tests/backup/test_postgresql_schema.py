"""What a schema has that another does not: rights on what is never dropped are turned round, others are reported."""

from __future__ import annotations

from recon.backup.postgresql_schema import Schema, compared

BACKUP = (
    b"CREATE SCHEMA app",
    b"ALTER SCHEMA app OWNER TO ann",
    b"CREATE TABLE app.t (\n    id integer\n)",
    b"ALTER TABLE app.t OWNER TO ann",
    b'ALTER FUNCTION app."TO x"(integer) OWNER TO ann',
    b"GRANT USAGE ON SCHEMA app TO bob",
)


def test_rights_on_what_stands_are_turned_round_from_the_last_to_the_first() -> None:
    since = (
        *BACKUP[:1],
        b"ALTER SCHEMA app OWNER TO eve",
        *BACKUP[2:],
        b'GRANT ALL ON SCHEMA app TO "TO eve" WITH GRANT OPTION',
        b"REVOKE ALL ON SCHEMA public FROM PUBLIC",
        b"REVOKE GRANT OPTION FOR USAGE ON LANGUAGE plpgsql FROM bob",
        b"ALTER DEFAULT PRIVILEGES FOR ROLE ann IN SCHEMA app GRANT SELECT ON TABLES TO eve",
    )
    assert compared(Schema(since), Schema(BACKUP)).rights == (
        "ALTER DEFAULT PRIVILEGES FOR ROLE ann IN SCHEMA app REVOKE SELECT ON TABLES FROM eve",
        "GRANT USAGE ON LANGUAGE plpgsql TO bob",
        "GRANT ALL ON SCHEMA public TO PUBLIC",
        'REVOKE ALL ON SCHEMA app FROM "TO eve"',
        "ALTER SCHEMA app OWNER TO ann",
    )


def test_what_is_newer_keeps_its_rights() -> None:
    newer = (
        b"CREATE SCHEMA newer",
        b"ALTER SCHEMA newer OWNER TO eve",
        b"GRANT USAGE ON SCHEMA newer TO bob",
        b"ALTER DEFAULT PRIVILEGES FOR ROLE ann IN SCHEMA newer GRANT SELECT ON TABLES TO bob",
        b"ALTER TABLE newer.t OWNER TO eve",
        b"GRANT SELECT ON TABLE newer.t TO bob",
    )
    found = compared(Schema((*BACKUP, *newer)), Schema(BACKUP))
    assert (found.rights, found.extra) == ((), ())


def test_rights_that_are_left_on_what_the_backup_has_are_found() -> None:
    left = (
        b"GRANT SELECT(id) ON TABLE app.t TO eve",
        b'GRANT ALL ON FUNCTION app."TO x"(integer) TO eve',
        b"GRANT USAGE ON LANGUAGE plpgsql TO eve",
        b"ALTER DEFAULT PRIVILEGES FOR ROLE ann REVOKE ALL ON TYPES FROM PUBLIC",
        b"ALTER SCHEMA public OWNER TO eve",
    )
    found = compared(Schema((*BACKUP, *left)), Schema(BACKUP))
    assert found.extra == tuple(each.decode() for each in left)
