"""Taking a backup: lease, snapshot, chunks, manifest, catalog, proof."""
