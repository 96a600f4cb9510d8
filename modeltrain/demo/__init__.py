"""The demo's data: harmless drawings and photographs from packages."""
