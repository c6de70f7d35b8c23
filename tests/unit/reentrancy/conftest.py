from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.reentrancy.calls import mutators, views
from tests.unit.reentrancy.scene import Call, Scene


@pytest.fixture(scope="session")
def _scene() -> Scene:
    return Scene()


@pytest.fixture
def scene(_scene: Scene) -> Iterator[Scene]:
    snapshot = _scene.chain.snapshot()
    yield _scene
    _scene.chain.revert(snapshot)


@pytest.fixture(scope="session")
def _hooked_scene() -> Scene:
    scene = Scene()
    scene.hook_markets()
    return scene


@pytest.fixture
def hooked_scene(_hooked_scene: Scene) -> Iterator[Scene]:
    """The same, with markets that call back."""
    snapshot = _hooked_scene.chain.snapshot()
    yield _hooked_scene
    _hooked_scene.chain.revert(snapshot)


@pytest.fixture(scope="session")
def changes(_scene: Scene) -> dict[str, Call]:
    """A call of every state-changing function, by name."""
    return mutators(_scene)


@pytest.fixture(scope="session")
def looks(_scene: Scene) -> dict[str, Call]:
    """Calls of every view, by name."""
    return views(_scene)


@pytest.fixture(scope="session")
def hooked_changes(_hooked_scene: Scene) -> dict[str, Call]:
    """As `changes`."""
    return mutators(_hooked_scene)
