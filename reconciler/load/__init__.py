"""Stage 1: read the YAML. Hardened, with a place for every node; home of pyyaml and jsonschema."""

from reconciler.load.project import load

__all__ = ["load"]
