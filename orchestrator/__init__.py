"""A declarative, policy-driven orchestrator for database backups.

::

    policies/*.yaml ─policy.load→ Policy ┐
    catalog, destinations, source ─observe→ Observation ┴─make_plan→ Plan ─execute→ Outcome
                                                           └─explain→ what `plan` and `apply` print

Imports go down this list only; ``docs/architecture.md`` has a paragraph on each room.
"""

__version__ = "0.1.0"
