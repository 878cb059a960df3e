"""recon checks."""

from __future__ import annotations

import click

import recon
from recon.cli import CONTEXT
from recon.cli.options import offered
from recon.errors import UsageError, suggest
from recon.report import rules as written


@click.command("checks", context_settings=CONTEXT)
@click.argument("check_id", metavar="[ID]", required=False)
@offered("expectations")
@click.option("--test", "is_test", is_flag=True, help="Judge every rule where there is nothing to look at.")
@click.option(
    "-f",
    "--format",
    "format_name",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Output format.",
)
def command(check_id: str | None, expectations: tuple[str, ...], is_test: bool, format_name: str) -> int:
    """List the checks, show one whole, or find those that could pass vacuously.

    Exit codes: 0, with --test 1 if a rule could pass vacuously or cannot be evaluated, 2 error.
    """
    rules = recon.load_checks(expectations)
    if check_id is not None:
        rules = (_find(check_id, rules),)
    if is_test:
        return _test(rules, format_name)
    if format_name == "json":
        click.echo(written.rules_document(rules), nl=False)
    else:
        click.echo(written.list_rules(rules) if check_id is None else written.show_rule(rules[0]), nl=False)
    return 0


def _test(rules: tuple[recon.Rule, ...], format_name: str) -> int:
    rehearsals = recon.rehearse(rules)
    show = written.rehearsals_document if format_name == "json" else written.show_rehearsals
    click.echo(show(rehearsals), nl=False)
    return int(any(rehearsal.problems for rehearsal in rehearsals))


def _find(check_id: str, rules: tuple[recon.Rule, ...]) -> recon.Rule:
    found = {rule.id: rule for rule in rules}
    if check_id not in found:
        known, guess = ", ".join(found), suggest(check_id, found)
        raise UsageError("There is no such check", where="ID", expected=known, found=repr(check_id), next_step=guess)
    return found[check_id]
