"""Checked trees become the values of `orchestrator.model.policy`."""
