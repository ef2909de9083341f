"""Checked documents become the values of `orchestrator.model.policy`.

What is broken was reported before and reads as absent; what only interpretation can see (a wrong
cron expression, an unset variable, an unknown name) is reported here. It never raises.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.names import ChannelName, PolicyName
from orchestrator.model.policy import (
    AlertRoute,
    Channel,
    DesiredState,
    Destination,
    Policy,
    Revision,
)
from orchestrator.policy.document import Document
from orchestrator.policy.interpolation import SecretReader
from orchestrator.policy.interpreting.alerts import interpret_routes
from orchestrator.policy.interpreting.destinations import interpret_destination
from orchestrator.policy.interpreting.policy import Surroundings, interpret_policy
from orchestrator.policy.names import Names
from orchestrator.policy.problems import ProblemLog
from orchestrator.policy.reading.section import Section

MAX_PARALLEL = 2
CHANNEL_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """Interprets all documents of a policies directory together."""

    names: Names
    secrets: SecretReader
    log: ProblemLog

    def interpret(self, documents: Sequence[Document], revision: Revision) -> DesiredState:
        """Return the desired state; it is whole only if nothing was reported."""
        return DesiredState(
            policies={policy.name: policy for policy in self._policies(documents)},
            destinations={place.name: place for place in self._destinations(documents)},
            channels={channel.name: channel for channel in self._channels(documents)},
            max_parallel=_max_parallel(documents),
            revision=revision,
        )

    def _policies(self, documents: Sequence[Document]) -> Iterator[Policy]:
        default_alerts = self._default_alerts(documents)
        for document in documents:
            for name, section in _root(document).named("policies"):
                surroundings = Surroundings(
                    folder=_folder(document),
                    names=self.names,
                    secrets=self.secrets,
                    log=self.log,
                    default_alerts=default_alerts,
                )
                policy = interpret_policy(PolicyName(name.value), section, surroundings)
                if policy is not None:
                    yield policy

    def _destinations(self, documents: Sequence[Document]) -> Iterator[Destination]:
        for document in documents:
            for name, section in _root(document).named("destinations"):
                place = interpret_destination(name, section, _folder(document), self.log)
                if place is not None:
                    yield place

    def _default_alerts(self, documents: Sequence[Document]) -> tuple[AlertRoute, ...]:
        return tuple(
            route
            for document in documents
            for route in interpret_routes(_root(document).section("settings"), self.names, self.log)
        )

    def _channels(self, documents: Sequence[Document]) -> Iterator[Channel]:
        for document in documents:
            for name, section in _root(document).named("channels"):
                url = section.text("url")
                secret = url and self.secrets.read(url, _folder(document))
                if url and secret and secret.reveal() and not CHANNEL_URL.match(secret.reveal()):
                    # A channel that can never deliver is silence; better said now than then.
                    self.log.report(
                        url.place,
                        "the value of `url` is not an Apprise URL",
                        "such as `slack://TOKEN_A/TOKEN_B/TOKEN_C` or `mailtos://user:password@host`",
                    )
                elif secret:
                    yield Channel(name=ChannelName(name.value), url=secret)


def _root(document: Document) -> Section:
    return Section(document.checked.place, document.checked)


def _folder(document: Document) -> Path:
    return document.file.path.parent


def _max_parallel(documents: Sequence[Document]) -> int:
    declared = (
        _root(document).section("settings").number("max_parallel") for document in documents
    )
    return next((number for number in declared if number is not None), MAX_PARALLEL)
