"""What to do about rows that break a constraint or a unique index of their own table.

They got in unchecked at the source: while triggers were switched off, before a function or a collation
changed, through a damaged index. The backup is as right as the source was.
"""

_AS_AT_THE_SOURCE = "rows in the backup break it, as they did at the source"
_FOR_LATER = "correct these rows at the source for the backups to come"

BROKEN_BY_ROWS = (
    f"{_AS_AT_THE_SOURCE}: restore into a new database with --skip-failed-constraints, which brings"
    f" foreign keys and checks back as NOT VALID, leaves others out, and lists each; {_FOR_LATER}"
)
INDEX_BROKEN_BY_ROWS = (
    f"{_AS_AT_THE_SOURCE}: restore into a new database with --skip-failed-indexes, which leaves it"
    f" out and lists it; {_FOR_LATER}"
)
DOMAIN_BROKEN_BY_ROWS = (
    f"{_AS_AT_THE_SOURCE}: RESTORE.md beside the backup says how to restore by hand without the"
    f" constraint; {_FOR_LATER}"
)
