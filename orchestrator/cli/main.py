"""The entry point: global options, verbs, and what a user sees when something goes wrong."""

import errno
import gc
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import click

from orchestrator import __version__
from orchestrator.cli.exit_codes import OF_KIND, ExitCode
from orchestrator.cli.lazy_group import LazyGroup, Verb
from orchestrator.errors import LocalFileError
from orchestrator.model.secret import Secret
from orchestrator.settings import Settings

VERBS = {
    "init": Verb("init_command", "Write a first policy and say what to do next."),
    "validate": Verb("validate_command", "Check the policy files and report every problem."),
    "plan": Verb("plan_command", "Show what `apply` would do now, and why."),
    "apply": Verb("apply_command", "Make one full pass: take what is due, prove it, tell."),
    "run": Verb("run_command", "Keep every promise: apply whenever something is due."),
    "backup": Verb("backup_command", "Take a backup now, whatever the schedule says."),
    "list": Verb("list_command", "List backups with tiers, sizes, copies and proof."),
    "show": Verb("show_command", "Show one backup in full."),
    "status": Verb("status_command", "Show every promise, kept or broken."),
    "diff": Verb("diff_command", "Say what differs between backups, or since one."),
    "verify": Verb("verify_command", "Read stored backups again and prove them."),
    "alerts": Verb("alerts_command", "Show what was told, or test a channel."),
    "restore": Verb("restore_command", "Restore a backup into a new database."),
    "hold": Verb("hold_command", "Keep a backup whatever the rules say."),
    "release": Verb("release_command", "Take the holds of a backup back."),
    "acknowledge": Verb("acknowledge_command", "Say that a suspicious backup is right after all."),
    "catalog": Verb("catalog_command", "Build the catalog again from a destination, or check it."),
    "pause": Verb("pause_command", "Take nothing for a policy, until a time."),
    "resume": Verb("resume_command", "End a pause before its time."),
    "retention": Verb("retention_command", "Say what keeps a backup, or simulate the rules."),
    "log": Verb("log_command", "Show who did what, when, and how it ended."),
    "prune": Verb("prune_command", "Remove what no rule keeps, or show why each copy stays."),
    "erase": Verb("erase_command", "Remove a retired series for good."),
    "doctor": Verb("doctor_command", "Look whether this machine is fit for backups."),
    "schema": Verb("schema_command", "Print the JSON Schema of the policy files."),
    "demo": Verb("demo_command", "Tell the whole story on an embedded PostgreSQL."),
}

# Designed, not built: refused in words rather than unknown.
PLANNED = frozenset({"drill", "emergency", "keys", "migrate", "replicate", "report"})

DISK_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Verbs(LazyGroup):
    """The verbs of this program."""

    verbs = VERBS
    planned = PLANNED


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--policies",
    type=click.Path(path_type=Path),
    default=Path("policies"),
    show_default=True,
    help="Directory of the policy files.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".orchestrator"),
    show_default=True,
    help="Directory of the program's own memory.",
)
@click.option("--catalog", metavar="URL", help="Catalog as a SQLAlchemy URL instead of --state.")
@click.option("-v", "verbosity", count=True, help="Say more on stderr; -vv adds tracebacks.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the log lines on stderr.",
)
@click.version_option(__version__, prog_name="orchestrator", message="%(prog)s %(version)s")
@click.pass_context
def cli(
    context: click.Context,
    *,
    policies: Path,
    state: Path,
    catalog: str | None,
    verbosity: int,
    log_format: str,
) -> None:
    """Declarative database backups: planned, proved, watched.

    Policies in YAML say which tables of which database are backed up, when, how long, where, and
    who is told. `plan` shows what is due, `apply` does it, `restore` brings it back.

    Exit codes: 0 done, 1 failed, 2 changes pending (plan --detailed-exitcode), 3 partly done and
    safe to repeat, 4 refused by a guard, 64 usage, 65 invalid policy, 69 unreachable, 75 locked,
    130 interrupted.
    """
    from orchestrator.cli.logging_setup import configure_logging  # noqa: PLC0415 - not for --help

    configure_logging(verbosity, as_json=log_format == "json")
    _collect_garbage_from_here_on()
    context.obj = Settings(
        policies=policies,
        state=state,
        catalog=None if catalog is None else Secret(catalog, "--catalog"),
        environment=dict(os.environ),
    )


def main() -> NoReturn:
    """Run the command line and end the process with the exit code of the table."""
    # SIGTERM ends a run as cleanly as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.unraisablehook = _interrupt_again
    # Importing a verb makes hundreds of thousands of objects that all stay; looking for garbage
    # among them takes a tenth of a second of every command.
    gc.disable()
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED  # once more, while an end was being told
    _end_at_once_when_told_to()
    sys.exit(code)


def _interrupt_again(ignored: "sys.UnraisableHookArgs") -> None:
    """Let Ctrl-C that met a finalizer, whose exceptions are ignored, count a moment later."""
    if not isinstance(ignored.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(ignored)
        return
    import threading  # noqa: PLC0415 - not for --help

    arguments = (threading.main_thread().ident, signal.SIGINT)
    again = threading.Timer(0.01, signal.pthread_kill, arguments)
    again.daemon = True
    again.start()


def _end_at_once_when_told_to() -> None:
    """Let Ctrl-C end the end of the program, which has said all, without a traceback of it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is signal.default_int_handler:
            signal.signal(number, signal.SIG_DFL)


def _collect_garbage_from_here_on() -> None:
    """Begin to collect garbage, leaving out what the imports made; click has imported the verb."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def run(arguments: list[str]) -> ExitCode:
    """Run the command line given as arguments, print errors to stderr, and return the exit code."""
    try:
        result = cli.main(arguments, prog_name="orchestrator", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted: nothing half done is listed; run it again to go on", err=True)
        return ExitCode.INTERRUPTED
    except OSError as error:
        return _after_system_error(error)
    except Exception as error:  # noqa: BLE001 - the last border before the user
        return _report(error)
    return ExitCode(result) if isinstance(result, int) else ExitCode.DONE


def _after_system_error(error: OSError) -> ExitCode:
    if error.errno == errno.EPIPE:
        # The reader of our output went away (`| head`): nothing more to say.
        code = ExitCode.FAILED
    else:
        known = _no_space(error) if error.errno in DISK_IS_FULL else error
        code = _report_if_possible(known)
    _drop_output_that_nobody_takes()
    return code


def _report_if_possible(error: Exception) -> ExitCode:
    try:
        return _report(error)
    except OSError:
        # Errors go to the same full disk: the exit code is all that is left.
        return ExitCode.FAILED


def _drop_output_that_nobody_takes() -> None:
    """Let the end of the program not fail on what is still to be written: its exit code would be 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _no_space(error: OSError) -> LocalFileError:
    place = f"{error.filename} cannot be written" if error.filename else "not all could be written"
    full = LocalFileError(
        f"{place}: {error.strerror}",
        next_step="make room where the output, or the file that was to be written, goes, and run it"
        " again",
    )
    full.__cause__ = error
    return full


def _report(error: Exception) -> ExitCode:
    import logging  # noqa: PLC0415 - not for --help

    from orchestrator.cli.rendering import print_error  # noqa: PLC0415
    from orchestrator.execution.error_report import explained  # noqa: PLC0415

    known = explained(error)
    logging.getLogger("orchestrator").debug("command_failed", exc_info=error)
    print_error(known)
    return OF_KIND[known.kind]
