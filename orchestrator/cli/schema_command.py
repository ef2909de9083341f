"""``schema``: the JSON Schema of the policy files."""

import click

from orchestrator.schemas import schema_text


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of the policy files, for editors and checks in CI."""
    click.echo(schema_text("policy"), nl=False)
