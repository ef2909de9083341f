"""``restore --into-existing``: shown, agreed to by typing a name, and then done."""

from collections.abc import Sequence

import click

from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.rendering import print_json, print_table, printable
from orchestrator.cli.restoring.agreement import require_agreement
from orchestrator.cli.restoring.request import RestoreAsked
from orchestrator.execution.replace.replace_tables import (
    PreparedReplacement,
    ReplaceConsent,
    ReplaceReport,
    ReplaceRequest,
    prepare_replacement,
    saved_as,
)
from orchestrator.model.contents import SkippedEntry
from orchestrator.planning.phrases import count, say_size
from orchestrator.wiring import existing_engine, safety_place

_IN_THE_WAY = "IN THE WAY"
_SHOWN = 5


def restore_into_existing(
    asked: RestoreAsked, name: str, *, yes_replace: str | None, consent: ReplaceConsent
) -> ExitCode:
    """Replace tables of the database ``name``, after its name was typed or given."""
    request = ReplaceRequest(
        database=name,
        server_url=asked.server_url,
        tables=asked.tables,
        safety_place=lambda: safety_place(asked.settings),
    )
    engine = existing_engine(asked.settings)
    with prepare_replacement(asked.backup, request, engine, asked.execution) as prepared:
        if not (asked.as_json and asked.dry_run):
            _show(asked, name, prepared)
        if asked.dry_run:
            return _say_dry_run(asked, name, prepared, consent)
        prepared.require_no_obstacle(consent)
        require_agreement(name, yes_replace)
        report = prepared.carry_out(prove=asked.prove, consent=consent)
    if asked.as_json:
        print_json(_document(asked, report))
    else:
        _print_report(asked, report)
    return ExitCode.PARTLY_DONE if report.skipped else ExitCode.DONE


def _show(asked: RestoreAsked, name: str, prepared: PreparedReplacement) -> None:
    plan, chosen = prepared.plan, prepared.chosen
    what = "the SOURCE of policy" if prepared.is_source else "a database beside policy"
    if prepared.why_not_source is not None:
        _say(
            f"{name!r} looks like the source of policy {asked.backup.series.policy!r}, but may be a"
            f" clone, a standby or its primary: {prepared.why_not_source}"
        )
    moment = f"{asked.backup.snapshot_at:%Y-%m-%d %H:%M} UTC"
    _say(f"{name!r}, {what} {asked.backup.series.policy!r}, would get the rows of {moment}:")
    then = {data.table.name: data.rows for data in chosen.tables}
    rows = [
        (
            str(now.name),
            "hidden" if now.rows is None else f"{now.rows:,}",
            f"{then.get(now.name, 0):,}",
        )
        for now in plan.tables
    ]
    print_table(("table", "rows now", "rows in the backup"), rows)
    for title, lines in (
        ("foreign keys, checked again", plan.foreign_keys),
        ("locked, but not changed", tuple(map(str, plan.neighbours))),
        ("triggers that do not fire meanwhile", plan.triggers),
        ("sequences", plan.sequences),
        ("different from then", plan.differences),
        ("values that would be lost", plan.losses),
        ("published to subscribers", plan.published),
        ("not brought along", tuple(map(str, plan.stale))),
        (_IN_THE_WAY, plan.obstacles),
    ):
        _say_list(title, lines)
    saved = "a backup of the policy" if prepared.is_source else "a copy in the state directory"
    _say(
        f"what is there now goes into {saved} first, while writers wait; then readers wait, too, until"
        " everything is loaded, checked and compared"
    )


def _say_list(title: str, lines: Sequence[str]) -> None:
    """Say a few of them and how many more there are; what stands in the way is said in full."""
    if not lines:
        return
    shown = lines if title == _IN_THE_WAY else lines[:_SHOWN]
    more = f"; and {len(lines) - len(shown)} more" if len(lines) > len(shown) else ""
    _say(f"{title}: {'; '.join(shown)}{more}")


def _say(text: str) -> None:
    click.echo(printable(text), err=True)


def _say_dry_run(
    asked: RestoreAsked, name: str, prepared: PreparedReplacement, consent: ReplaceConsent
) -> ExitCode:
    if asked.as_json:
        print_json(_plan_document(asked, name, prepared))
    prepared.require_no_obstacle(consent)
    _say("nothing was changed: this was a dry run")
    return ExitCode.DONE


def _print_report(asked: RestoreAsked, report: ReplaceReport) -> None:
    rate = say_size(int(report.size_bytes / report.seconds if report.seconds else 0))
    click.echo(
        printable(
            f"restored {count(report.tables, 'table')} of {asked.backup.id} into"
            f" {report.database!r}: {report.rows} rows in {report.seconds:.1f} s ({rate}/s)"
        )
    )
    proof = "row counts equal the backup (--prove compares rows)"
    if report.proved:
        proof = "proved: every row was read again and equals the backup"
    click.echo(proof)
    click.echo(
        printable(
            f"replaced {count(report.rows_before, 'row')}, writes since the backup"
            f" included: they are in {_place(asked, report)}"
        )
    )
    for note in report.notes:
        _say(note)
    for warning in report.warnings:
        _say(f"warning: {warning}")
    for entry in report.skipped:
        _say(f"left out: {entry}")


def _place(asked: RestoreAsked, report: ReplaceReport) -> str:
    if report.safety.backup is not None:
        return saved_as(report.safety)
    folder = report.safety.keys[0].partition("/")[0]
    return str(asked.settings.state / "safety" / folder)


def _document(asked: RestoreAsked, report: ReplaceReport) -> dict[str, object]:
    return {
        "version": 1,
        "backup": asked.backup.id,
        "database": report.database,
        "tables": report.tables,
        "rows": report.rows,
        "bytes": report.size_bytes,
        "seconds": round(report.seconds, 3),
        "proved": report.proved,
        "replaced_rows": report.rows_before,
        "safety_backup": None if report.safety.backup is None else report.safety.backup.id,
        "safety_folder": None if report.safety.backup else _place(asked, report),
        "notes": list(report.notes),
        "skipped": _words(report.skipped),
        "warnings": list(report.warnings),
    }


def _plan_document(
    asked: RestoreAsked, name: str, prepared: PreparedReplacement
) -> dict[str, object]:
    plan = prepared.plan
    then = {data.table.name: data.rows for data in prepared.chosen.tables}
    return {
        "version": 1,
        "backup": asked.backup.id,
        "database": name,
        "is_source": prepared.is_source,
        "why_not_source": prepared.why_not_source,
        "tables": [
            {"table": str(now.name), "rows_now": now.rows, "rows_then": then.get(now.name, 0)}
            for now in plan.tables
        ],
        "foreign_keys": list(plan.foreign_keys),
        "neighbours": [str(table) for table in plan.neighbours],
        "triggers": list(plan.triggers),
        "sequences": list(plan.sequences),
        "differences": list(plan.differences),
        "losses": list(plan.losses),
        "published": list(plan.published),
        "skipped": _words(plan.stale),
        "obstacles": list(plan.obstacles),
    }


def _words(entries: tuple[SkippedEntry, ...]) -> list[str]:
    return [str(entry) for entry in entries]
