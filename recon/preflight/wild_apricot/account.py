"""The account that a key opens, and what the key may do there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recon.errors import ApiRefusal, UsageError
from recon.model import Check, Findings, Probe
from recon.preflight.wild_apricot.entities import CATEGORY
from recon.preflight.wild_apricot.shapes import Account, mismatch, quoted, unknown_shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recon.preflight.wild_apricot.client import WildApricot
    from recon.preflight.wild_apricot.shapes import Grant

VARIABLE = "WA_ACCOUNT_ID"
ACCOUNT = Probe(
    "source_account",
    "Account",
    CATEGORY,
    "The key opens the account that is meant, and the API describes it.",
    "Another club's data would be imported, or none",
    f"Set {VARIABLE} to the club's account id, and use a key of that account",
)
SCOPES = Probe(
    "source_scopes",
    "Rights of the Key",
    CATEGORY,
    "The key may read everything that an import needs, and may not write.",
    "An import with this key lacks records, or could change the club that it only reads",
    "Create a key with read-only access in Wild Apricot (Settings, Authorized applications)",
)
NEEDED = ("account_view", "contacts_view", "membership_levels_view", "events_view", "event_registrations_view")
# What a right is called that reads; every other may write, as far as its name says.
READING = ("_view", "_read", "_me")


def opened_accounts(api: WildApricot, grant: Grant) -> list[str]:
    """Ids of the accounts that the key opens, as the token says or else the API.

    Raises:
        ApiError: The API does not say it.
    """
    if grant.permissions:
        return list(dict.fromkeys(str(permission.account_id) for permission in grant.permissions))
    document = api.read("accounts")
    found = document if isinstance(document, list) else [document]
    if any(mismatch(account, Account) for account in found):
        raise unknown_shape(document, api.address("accounts"), "a list of accounts")
    return [str(msgspec.convert(account, Account).id) for account in found]


def chosen_account(opened: Sequence[str], wanted: str | None) -> str:
    """The account to ask about.

    Raises:
        ApiRefusal: The key does not open the one that is wanted, or opens none.
        UsageError: It opens several, and none is named.
    """
    shown = ", ".join(quoted(account, 40) for account in opened) or "none"
    if wanted is None and len(opened) > 1:
        raise UsageError(
            f"The key opens {len(opened)} accounts, and none of them is named",
            where=VARIABLE,
            expected=f"one of {shown}",
            found="nothing",
        )
    if not opened or (wanted is not None and wanted not in opened):
        raise ApiRefusal(
            "The key does not open the account that is meant",
            where=VARIABLE,
            expected=quoted(wanted, 40) if wanted else "an account",
            found=shown,
        )
    return wanted or opened[0]


def read_account(api: WildApricot, chosen: str) -> Account:
    """The account's description.

    Raises:
        ApiError: It cannot be read, or is not of the known shape.
    """
    path = f"accounts/{chosen}"
    document = api.read(path)
    if isinstance(document, dict) and isinstance(document.get("data"), dict):
        document = document["data"]
    if mismatch(document, Account):
        raise unknown_shape(document, api.address(path), "an object with Id")
    account = msgspec.convert(document, Account)
    if str(account.id) != chosen:
        raise ApiRefusal(
            "The API describes another account",
            where=api.address(path),
            expected=quoted(chosen, 40),
            found=quoted(str(account.id), 40),
        )
    return account


def rights_check(grant: Grant, account: str) -> Check:
    """Judge what the key may do in the account."""
    permissions = [found for found in grant.permissions or () if str(found.account_id) == account]
    scopes = next((found.available_scopes for found in permissions if found.available_scopes is not None), None)
    if scopes is None:
        return SCOPES.warned("Not recorded: the API does not state what the key may do, and it may be able to write")
    lacking = [scope for scope in NEEDED if not {scope, scope.replace("_view", "_edit")} & set(scopes)]
    writing = [scope for scope in scopes if not scope.endswith(READING)]
    if lacking:
        return SCOPES.failed(
            f"The key may not read all that an import needs: it lacks {', '.join(lacking)}", _rows(lacking, writing)
        )
    if writing:
        shown = ", ".join(quoted(scope, 40) for scope in writing)
        return SCOPES.warned(f"The key may write, which reading does not need: {shown}", _rows(lacking, writing))
    return SCOPES.passed(
        f"The key may read all that an import needs, and nothing else than read ({len(scopes)} rights)"
    )


def _rows(lacking: Sequence[str], writing: Sequence[str]) -> Findings:
    rows: list[Mapping[str, object]] = [{"right": scope, "found": "lacking"} for scope in lacking]
    rows += [{"right": quoted(scope, 60), "found": "may write"} for scope in writing]
    return Findings(rows)
