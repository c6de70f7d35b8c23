"""Random accounts for the allocation: ordinary ones, and every kind of edge that a market or a policy can produce.

`random_state` draws from a `random.Random`, so that one generator serves both ways of testing:

    for seed in range(5_000):
        state = random_state(Random(seed))      # plain loop

    @given(states())                            # Hypothesis, which shrinks what fails
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from hypothesis import strategies as st

from tests.differential.exact_solver import WAD, Book, State, solve, targets

MAX_BOOKS = 8
LIMIT = 2**112 - 1  # the engine treats a book with a greater figure as frozen
CENT_Z = WAD // 100  # levels of a policy are multiples of 0.01
MAX_Z = 4_095


def states() -> st.SearchStrategy[State]:
    """For `@given`."""
    return st.builds(random_state, st.randoms(use_true_random=False))


def seeded_states(count: int, first_seed: int = 0) -> Iterator[tuple[int, State]]:
    """(seed, state), for plain loops: name the seed when one fails."""
    return ((seed, random_state(Random(seed))) for seed in range(first_seed, first_seed + count))


def random_state(random: Random) -> State:
    """One account of any kind."""
    scale = random.choice((_dollars, _dollars, _dollars, _wei, _huge, _mixed))
    z_donor, z_target = sorted(CENT_Z * random.randint(0, MAX_Z) for _ in range(2))
    if random.random() < 0.5:
        z_donor, z_target = 4 * WAD, 10 * WAD
    books = [scale(random) for _ in range(random.randint(1, MAX_BOOKS))]
    books = [_on_edge(random, book, z_donor) if random.random() < 0.2 else book for book in books]
    if random.random() < 0.2:
        books = [random.choice(books) for _ in books]  # ties
    books = [_with_switches(random, book) for book in _contained(random, books)]
    return _with_cash(random, State(tuple(books), 0, z_target, z_donor))


# Books


def _dollars(random: Random) -> Book:
    """A perpetual book as the risk model would value it; one in ten is empty, one in ten worth less than nothing."""
    if random.random() < 0.1:
        return Book(random.choice((0, 1, random.randint(0, 10_000 * WAD))), 0, 0, 0, 0)
    notional = int(10 ** random.uniform(1, 6) * WAD) + random.randint(-WAD, WAD)
    maintenance = notional * random.randint(200, 3_000) // 10_000
    sigma_loss = max(1, notional * random.randint(1, 300) // 10_000)
    donor_floor = maintenance * random.randint(105, 200) // 100
    if random.random() < 0.1:
        return Book(-random.randint(1, notional), maintenance, sigma_loss, donor_floor, 0)
    distance = int(random.choice((random.uniform(-3, 3), random.uniform(0, 12), random.uniform(10, 200))) * WAD)
    return Book(maintenance + distance * sigma_loss // WAD, maintenance, sigma_loss, donor_floor, 0)


def _wei(random: Random) -> Book:
    """Every figure a handful of wei: rounding decides everything."""
    return Book(random.randint(-9, 30), random.randint(0, 9), random.randint(0, 4), random.randint(0, 15), 0)


def _huge(random: Random) -> Book:
    """Figures near the engine's limits."""
    equity = random.choice((-1, 1, 1)) * random.randint(LIMIT >> 4, LIMIT)
    low = LIMIT >> random.randint(1, 20)
    return Book(equity, random.randint(0, low), random.randint(low >> 16, low), random.randint(0, LIMIT), 0)


def _mixed(random: Random) -> Book:
    """Each figure from its own order of magnitude; b may be one wei."""

    def draw() -> int:
        return random.randint(0, 10 ** random.randint(0, 27))

    return Book(random.choice((-1, 1, 1, 1)) * draw(), draw(), random.choice((0, 1, draw(), draw())), draw(), 0)


def _on_edge(random: Random, book: Book, z_donor: int) -> Book:
    """Equity within a wei of a figure at which the rules change."""
    edges = (0, book.maintenance, book.donor_floor, book.maintenance + z_donor * book.sigma_loss // WAD)
    equity = random.choice(edges) + random.randint(-1, 1)
    return replace(book, equity=min(equity, LIMIT))


# Policy


def _contained(random: Random, books: list[Book]) -> list[Book]:
    """A cap above each equity: a share of account equity, nothing, one wei, or as good as none."""
    total = max(0, sum(book.equity for book in books))
    share = random.choice((0, 400, 4_000, 4_000, 10_000))
    rooms = (total * share // 10_000, total * share // 10_000, total * share // 10_000, 0, 1, LIMIT)
    return [replace(book, cap=book.equity + random.choice(rooms)) for book in books]


def _with_switches(random: Random, book: Book) -> Book:
    """Most books take part fully; some only give, only take, or are ring-fenced."""
    fund, tap = random.choice(((True, True),) * 7 + ((True, False), (False, True), (False, False)))
    return replace(book, fund=fund, tap=tap)


def _with_cash(random: Random, state: State) -> State:
    """Free cash: none, some, too little for the reward, or within two wei of what some level costs."""
    kind = random.randrange(5)
    size = max(1, sum(abs(book.equity) for book in state.books))
    if kind == 0:
        return state
    if kind == 1:
        return replace(state, free=random.randint(0, size))
    if kind == 2:
        return replace(state, free=random.randint(0, 1 + size // 100))
    if kind == 3:
        return replace(state, free=-random.randint(0, min(20 * WAD, size)))
    goal = random.randint(-2 * WAD, state.z_target)
    return replace(state, free=sum(targets(state, goal)) - state.budget + random.randint(-2, 2))


def solvable_states() -> st.SearchStrategy[State]:
    """For `@given`, where only accounts with a solution matter."""
    return states().filter(lambda state: solve(state) is not None)
