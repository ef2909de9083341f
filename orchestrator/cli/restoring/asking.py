"""From the options of the command to what a restore is asked for."""

from collections.abc import Mapping

from orchestrator.cli.restoring.request import RestoreAsked
from orchestrator.errors import UsageError
from orchestrator.execution.context import Execution
from orchestrator.model.backup import Backup
from orchestrator.model.secret import Secret
from orchestrator.policy.passwords import carries_password
from orchestrator.ports.engine import Ownership
from orchestrator.settings import Settings

_ONLY_WITH = {
    "yes_replace": ("--yes-replace", ("--into-existing", "--swap")),
    "replace_published": ("--replace-published", ("--into-existing",)),
    "accept_lost_values": ("--accept-lost-values", ("--into-existing",)),
    "skip_failed_indexes": ("--skip-failed-indexes", ("--into-new",)),
    "skip_failed_constraints": ("--skip-failed-constraints", ("--into-new",)),
    "accept_left_out": ("--accept-left-out", ("--swap",)),
    "accept_empty_tables": ("--accept-empty-tables", ("--swap",)),
}


def require_options_that_fit(ways: Mapping[str, object], options: Mapping[str, object]) -> None:
    """Do nothing if one way was asked for, and no option that does nothing there.

    ``ways`` are the options that say where to restore to; None is one that was not given.

    Raises:
        UsageError: says which option does not fit.
    """
    asked = [option for option, value in ways.items() if value is not None]
    if len(asked) != 1:
        raise UsageError(
            "restore needs to know where to, once",
            next_step="add --into-new NAME, --into-existing NAME to replace tables, or --swap",
        )
    for name, (option, fitting) in _ONLY_WITH.items():
        if options[name] and asked[0] not in fitting:
            raise UsageError(
                f"{option} does nothing with {asked[0]}",
                next_step=f"leave it out; it goes with {' and '.join(fitting)}",
            )


def asked_for(
    backup: Backup, settings: Settings, execution: Execution, options: Mapping[str, object]
) -> RestoreAsked:
    """Return what was asked for, with the server and the owners that were named.

    Raises:
        UsageError: an option is not written as it should be, or does not go with the others.
    """
    asked = RestoreAsked(
        backup=backup,
        settings=settings,
        execution=execution,
        tables=_texts(options["tables"]),
        prove=bool(options["prove"]),
        dry_run=bool(options["dry_run"]),
        as_json=bool(options["as_json"]),
        at_server=_server(_text(options["at_server"])),
        ownership=Ownership(
            renamed=_renamed(_texts(options["owners"]), keep_owners=not options["no_owner"]),
            keep_owners=not options["no_owner"],
            keep_grants=not options["no_grants"],
            with_roles=bool(options["with_roles"]),
        ),
        skip_failed_indexes=bool(options["skip_failed_indexes"]),
        skip_failed_constraints=bool(options["skip_failed_constraints"]),
    )
    _require_new_for_owners(asked, is_new=options["into_new"] is not None)
    return asked


def _require_new_for_owners(asked: RestoreAsked, *, is_new: bool) -> None:
    if not is_new and asked.ownership != Ownership():
        raise UsageError(
            "--owner, --no-owner, --no-grants and --with-roles go with --into-new alone",
            next_step="leave them out: a database that is there keeps its owners and grants",
        )


def _renamed(owners: tuple[str, ...], *, keep_owners: bool) -> dict[str, str]:
    if owners and not keep_owners:
        raise UsageError("--owner does nothing with --no-owner", next_step="leave one of them out")
    renamed: dict[str, str] = {}
    for old, _, new in (owner.partition("=") for owner in owners):
        if not (old and new):
            raise UsageError("--owner takes two roles", next_step="write it as --owner OLD=NEW")
        if old in renamed:
            raise UsageError(
                f"--owner names {old!r} twice", next_step="say once who shall own what it owned"
            )
        renamed[old] = new
    return renamed


def _server(url: str | None) -> Secret | None:
    if url is None:
        return None
    if carries_password(url):
        raise UsageError(
            "--at-server holds a password, which everybody on this machine can read there",
            next_step="leave it out, and put it into ~/.pgpass or PGPASSFILE",
        )
    return Secret(url, "--at-server")


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else ()
