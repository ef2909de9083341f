"""Policy files become a desired state, or every problem in them: the door of this room."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.policy import DesiredState
from orchestrator.policy.document import Document, read_document
from orchestrator.policy.interpolation import SecretReader
from orchestrator.policy.interpreting.desired_state import Interpreter
from orchestrator.policy.names import Names, collect_names
from orchestrator.policy.problems import Place, Problem, ProblemLog
from orchestrator.policy.reading.policy_files import read_policy_files
from orchestrator.policy.renames import check_renames
from orchestrator.policy.revision import read_revision


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPolicies:
    """What came of reading the policy files; ``desired`` is None if and only if there are problems."""

    desired: DesiredState | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def load_policies(
    directory: Path, *, environment: Mapping[str, str], without_secrets: bool = False
) -> LoadedPolicies:
    """Given the policies directory, return the desired state or all problems, sorted by place.

    ``environment`` is where ``${env:}`` is looked up (and the path on which git is found). With
    ``without_secrets`` a secret that is not there is no problem: it becomes an empty one, and a
    policy that would take its database's name from it has no databases. Never raises for anything
    that files can contain.
    """
    log = ProblemLog()
    files = read_policy_files(directory, log)
    read = [read_document(file, log) for file in files]
    documents = [document for document in read if document is not None]
    names = collect_names(documents, certain=len(documents) == len(read), log=log)
    _refuse_empty(directory, documents, names, log)
    check_renames(documents, names, log)
    secrets = SecretReader(environment=environment, log=log, required=not without_secrets)
    revision = read_revision(directory, files, environment)
    desired = Interpreter(names=names, secrets=secrets, log=log).interpret(documents, revision)
    return LoadedPolicies(
        desired=None if log.problems else desired, problems=log.problems, warnings=log.warnings
    )


def _refuse_empty(
    directory: Path, documents: list[Document], names: Names, log: ProblemLog
) -> None:
    if log.problems or names.defined["policies"] or not names.certain:
        return
    what = "no policy is declared in any file" if documents else "there are no policy files here"
    log.report(Place(str(directory), 1, 1), what, "`orchestrator init` writes a first one")
