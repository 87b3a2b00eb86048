"""JSON from strangers."""

import json
import re
from typing import Any


def parse_json(body: bytes) -> Any:
    """JSON as plain values; characters that PostgreSQL or UTF-8 cannot hold become "?". Raises only ValueError."""
    try:
        data = json.loads(body, parse_constant=_no_constant)
        return _storable(data) if re.search(rb"\\u(0000|[dD][89a-fA-F])", body) else data
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "?")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return value
