"""A call that fails changes nothing, in the model as on chain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import is_dataclass
from typing import Any

from ballast.model.errors import Rejected
from ballast.model.loss_index import LossIndex


@contextmanager
def atomic(*parts: object) -> Iterator[None]:
    """Put `parts` back to how they were if the body is rejected.

    Their containers are copied, with the records in them, and losses of markets; other objects are not.
    """
    saved = [(part, {name: _copied(value) for name, value in vars(part).items()}) for part in parts]
    try:
        yield
    except Rejected:
        for part, state in saved:
            vars(part).clear()
            vars(part).update(state)
        raise


def _copied(value: Any, inside: bool = False) -> Any:
    """A copy as deep as containers and the mutable records in them go."""
    if isinstance(value, dict):
        return {key: _copied(item, True) for key, item in value.items()}
    if isinstance(value, LossIndex):
        return deepcopy(value)
    if isinstance(value, list):
        return [_copied(item, True) for item in value]
    if inside and is_dataclass(value) and not getattr(type(value), "__dataclass_params__").frozen:  # noqa: B009
        record = copy(value)
        for name, item in vars(value).items():
            setattr(record, name, _copied(item))
        return record
    return value
