"""The stored format as bytes: manifest, details, chunks, digests, compression (design §6). Pure."""
