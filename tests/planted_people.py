"""A club whose every text that a person or the source may write holds personal data, for tests of masking."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from support import edit_report

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths

FIRST, LAST, PHONE = "Jolanthe", "Quisenberry", "(805) 555-7391"
OTHER_FIRST, OTHER_LAST = "Zdenka", "Oyelaran"
# What must be nowhere, in lower case: names, parts of addresses, and numbers in the forms that are planted.
SECRETS = (
    *("alias.mail", "fullwidth", "ipdomain", "levelname9", "policykey9", "policyvalue9", "prozentual", "quoted local"),
    *(
        "secret.example",
        "secretlocal",
        "statuscode9",
        "suite.mail",
        "target.id",
        "tiercode9",
        "tiername9",
        "title.mail",
    ),
    *(name.lower() for name in (FIRST, LAST, OTHER_FIRST, OTHER_LAST)),
    *("555-7391", "5557391", "2345678", "555\u20117391"),
)
NOTE = f"called {FIRST} {LAST.upper()} about dues, 0171/2345678, 805\u2011555\u20117391"
FORMS = (
    'fullwidth\uff20secret.example prozentual%40secret.example "quoted local"@secret.example '
    "ipdomain@[10.0.0.1] secretlocal@localhost"
)
DATABASE_ERROR = f"DETAIL: Key (email)=(title.mail@secret.example) exists; row (7, {FIRST} {LAST}, {PHONE}, {FORMS})"
SUITE = f"""
name: own
expectations:
- type: expect_no_violations
  severity: critical
  description: Nobody writes to suite.mail@secret.example or {FIRST} {LAST}.
  kwargs:
    sql: |
      select id as member_id, email as contact, first_name || ' ' || last_name as who, upper(last_name) as status,
        last_name as other_id, phone as called, cast(regexp_replace(phone, '[^0-9]', '', 'g') as bigint) as number,
        'Mrs. ' || last_name || ' pays' as note, [last_name, email] as listed,
        {{'a': first_name, 'mail': email}} as struct,
        map {{last_name: email}} as keyed, [{{'x': [first_name]}}] as deep,
        to_json({{'n': last_name, 'm': email}}) as document,
        cast(last_name as blob) as bytes, 1 as "alias.mail@secret.example"
      from target.members where last_name in ('{LAST}', '{OTHER_LAST}') order by id
    values_sql: |
      select max(first_name) as who, max(first_name || ' ' || last_name || ' <' || email || '>') as example,
        max(phone) as detail, max(email) as expected, max(last_name || ', ' || first_name) as actual,
        max(email) as escalate
      from target.members where last_name = '{LAST}'
  meta:
    id: own_rule
    title: Own suite.mail@secret.example
    category: own
    requires: [target.members.first_name, target.members.last_name, target.members.email, target.members.phone]
    messages: {{pass: "None", fail: "{{violations}} found, such as {{example}}, {{who}}"}}
    when_missing: {{outcome: ERROR, message: "Not evaluated: {{missing}}"}}
    when_empty: {{table: target.members, outcome: ERROR, message: There are no members}}
    meaning: Ask suite.mail@secret.example
    action: Call {PHONE}
- type: expect_column_values_to_match_regex
  severity: warning
  description: Addresses are elsewhere, says suite.mail@secret.example.
  kwargs: {{column: email, regex: "nowhere$"}}
  meta:
    id: own_stock
    title: Elsewhere
    category: own
    table: target.members
    meaning: suite.mail@secret.example
    action: Ask the member.
- type: expect_no_violations
  severity: warning
  description: A rule whose query fails with a value.
  kwargs:
    sql: select cast(email as integer) as n from target.members
  meta:
    id: own_error
    title: Fails
    category: own
    requires: [target.members.email]
    messages: {{pass: "None", fail: "Some"}}
    when_missing: {{outcome: ERROR, message: "Not evaluated: {{missing}}"}}
    when_empty: {{table: target.members, outcome: ERROR, message: There are no members}}
    meaning: m
    action: a
"""


def plant_people(demo: DemoPaths, suites: Path) -> None:
    """Set personal data into every place of the club's bundle and database, and write a suite that repeats it."""
    with sqlite3.connect(demo.database) as connection:
        _into_database(connection)
    connection.close()
    edit_report(demo.bundle, _into_report)
    for name, change in (("policy-bundle.json", _into_policies), ("migration-config.json", lambda _: None)):
        file = demo.bundle / name
        document = json.loads(file.read_text(encoding="utf-8"))
        change(document)
        file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    suites.mkdir()
    (suites / "own.yaml").write_text(SUITE, encoding="utf-8")


def _into_database(connection: sqlite3.Connection) -> None:
    ids = [row[0] for row in connection.execute('select id from "Member" order by id limit 6')]
    people = (
        (FIRST, LAST, "secretlocal@secret.example", PHONE),
        (OTHER_FIRST, OTHER_LAST, '"quoted local"@secret.example', "+49 171 2345678"),
    )
    for member, values in zip(ids, people, strict=False):
        connection.execute(
            'update "Member" set "firstName" = ?, "lastName" = ?, email = ?, phone = ? where id = ?', [*values, member]
        )
    connection.execute(
        """update "Member" set "waMembershipLevelRaw" = 'levelname9@secret.example' where id = ?""", [ids[2]]
    )
    connection.execute(
        """update "MembershipTier" set code = 'tiercode9@secret.example', name = 'tiername9@secret.example'
        where id = (select "membershipTierId" from "Member" where "membershipTierId" is not null limit 1)"""
    )
    connection.execute("""update "MembershipStatus" set code = 'statuscode9@secret.example', label = '805-555-2846'
                          where id = (select "membershipStatusId" from "Member" limit 1)""")
    events = [row[0] for row in connection.execute('select id from "Event" order by id limit 3')]
    connection.execute(
        'update "Event" set title = ?, description = ? where id = ?', ["title.mail@secret.example", NOTE, events[0]]
    )
    connection.execute(
        'update "Event" set description = ?, location = ? where id = ?', [FORMS, f"At {LAST}'s", events[1]]
    )
    connection.execute("""update "EventRegistration" set status = 'statuscode9@secret.example'
                          where id = (select min(id) from "EventRegistration")""")


def _into_report(report: dict[str, Any]) -> None:
    members, events = report["members"], report["events"]
    members["records"][0] |= {
        "firstName": FIRST,
        "lastName": LAST,
        "email": "secretlocal@secret.example",
        "phone": PHONE,
    }
    members["records"][1] |= {
        "_murmurantId": "target.id@secret.example",
        "waMembershipLevel": "levelname9@secret.example",
    }
    members["records"][2] |= {"_waId": "target.id@secret.example"}
    events["records"][0] |= {"description": NOTE}
    report["idMapping"]["members"].append({"waId": "target.id@secret.example", "murmurantId": "+49 171 2345678"})
    report["errors"].append(
        {"entity": "member", "rowNumber": 9, "waId": "target.id@secret.example", "message": DATABASE_ERROR}
    )
    report["errors"].append({"entity": "member", "rowNumber": 10, "message": NOTE})
    members["errors"] += 2
    members["totalRows"] += 2


def _into_policies(document: dict[str, Any]) -> None:
    document["policies"] += [
        {
            "key": "policykey9@secret.example",
            "value": "policyvalue9@secret.example",
            "source": "manual",
            "required": True,
        },
        {
            "key": "contact",
            "value": {"by": NOTE, "policykey9@secret.example": [PHONE]},
            "source": "manual",
            "required": False,
        },
    ]
