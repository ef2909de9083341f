"""`status` as a document for programs."""

from collections.abc import Mapping
from datetime import datetime

from orchestrator.cli.backup_document import marks_as_json
from orchestrator.cli.rendering import format_utc
from orchestrator.model.names import DestinationName, Series
from orchestrator.model.observation import SeriesObservation
from orchestrator.model.run import Run
from orchestrator.model.space import SpaceHistory
from orchestrator.planning.health.pulse import promises_of, take_pulse
from orchestrator.planning.promises import Promise
from orchestrator.planning.storage import forecast_full
from orchestrator.reconciler.monitoring.look_at_health import Health


def status_document(health: Health) -> Mapping[str, object]:
    """Return everything that `status` knows."""
    return {
        "version": 1,
        "series": [
            _series(
                health.seen.series[series],
                [p for p in promises_of(policy, health.seen) if p.series == series],
            )
            for policy in health.desired.policies.values()
            for series in policy.series
        ],
        "policies": [
            {"policy": pulse.policy, "healthy": pulse.is_well, "words": pulse.words}
            for pulse in (take_pulse(one, health.seen) for one in health.desired.policies.values())
        ],
        "destinations": [
            _place(name, health.space.get(name, SpaceHistory()), health.seen.now)
            for name in sorted(health.desired.destinations)
        ],
        "undelivered_alerts": len(health.undelivered),
        "retired": [_retired(one, number) for one, number in health.retired.items()],
    }


def _retired(series: Series, number: int) -> Mapping[str, object]:
    return {"policy": series.policy, "database": series.database, "backups": number}


def _place(name: DestinationName, history: SpaceHistory, now: datetime) -> Mapping[str, object]:
    latest, unmeasured = history.latest, history.unmeasured
    forecast = forecast_full(history.measurements, now=now)
    return {
        "destination": name,
        "free_bytes": latest.space.free if latest else None,
        "whole_bytes": latest.space.whole if latest else None,
        "measured_at": format_utc(latest.at) if latest else None,
        "full_at": format_utc(forecast.full_at) if forecast else None,
        "growth_bytes_per_day": round(forecast.bytes_per_day) if forecast else None,
        "growth_since": format_utc(forecast.since) if forecast else None,
        "not_measured": unmeasured.why if unmeasured else None,
    }


def _series(one: SeriesObservation, promises: list[Promise]) -> Mapping[str, object]:
    newest = one.newest
    return {
        "policy": one.series.policy,
        "database": one.series.database,
        "backups": one.backups,
        "newest": None
        if newest is None
        else {
            "id": newest.id,
            "snapshot_at": format_utc(newest.snapshot_at),
            "level": newest.level.label if newest.level else None,
        },
        "last_failure": None if one.last_failure is None else _failure(one.last_failure),
        "pruning": [
            {"kind": skipped.kind.value, "reason": skipped.reason} for skipped in one.upkeep.skipped
        ],
        "marked": [{"id": backup.id, **marks_as_json(backup)} for backup in one.marked],
        "paused_until": format_utc(one.pause.until) if one.pause else None,
        "promises": [_promise(promise) for promise in promises],
    }


def _failure(run: Run) -> Mapping[str, object]:
    return {
        "run": run.id,
        "started_at": format_utc(run.started_at),
        "code": run.error.code if run.error else None,
        "what": run.error.what if run.error else None,
    }


def _promise(promise: Promise) -> Mapping[str, object]:
    return {
        "schedule": promise.schedule,
        "kept": promise.is_kept,
        "broken_since": format_utc(promise.broken_since) if promise.broken_since else None,
        "next_slot": format_utc(promise.next_slot),
        "sentence": promise.sentence,
    }
