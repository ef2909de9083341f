"""The first policy that `init` writes: small enough to read whole, complete enough to run."""

FIRST_POLICY = """\
# What must be true of the backups of one database.
# `orchestrator schema` prints every key with its meaning; `orchestrator validate` checks this file.
version: 1

# Where copies lie. A relative path is relative to this file.
# Another disk than the database's is the least; another building is better.
destinations:
  local:
    url: file:../backups
    # Told when less than this is free, or when it will be full this soon at its present growth:
    low_storage: {free_below: 10%, full_within: 14d}

# Who is told when a promise breaks: any Apprise URL (Slack, mail, a webhook, ...). To use it, set
# ALERT_URL in the environment and remove the `#` here and at `alerts` below.
# channels:
#   ops:
#     url: "${env:ALERT_URL}"

policies:
  first:
    # Schedules are read in this time zone, and keep its clock through summer and winter.
    timezone: UTC

    source:
      engine: postgresql
      # Set DATABASE_URL in the environment: postgresql://user:password@host/database
      # Secrets never stand in this file. "${file:/run/secrets/database_url}" works, too.
      url: "${env:DATABASE_URL}"
      # Restores create databases. If the role above may not, name one that may:
      # restore_url: "${env:RESTORE_URL}"

    # Every table is backed up. That is the advice: a list of tables misses the new ones.
    # tables:
    #   exclude: ["public.sessions"]

    # Five cron fields: minute, hour, day of the month, month, day of the week.
    schedules:
      daily:
        cron: "0 2 * * *"

    # The newest backup of each day, week and month is kept this long (d, w, mo, y).
    retention:
      tiers:
        daily: 30d
        weekly: 3mo
        monthly: 1y

    destinations: [local]

    # After each backup: `stored` (is every object there?), `objects` (is every byte read back
    # right?) or `content` (is everything decompressed and every row counted?).
    verify:
      after_backup: content

    # alerts:
    #   - to: ops
    #     on: [all]
"""
