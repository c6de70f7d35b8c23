"""Lines and branches of the Vyper code that the unit tests ran: `python -m tests.coverage.report`.

Titanoboa's own figures know neither `and`, `or`, `assert` nor conditional expressions, so both are counted from what
the EVM ran and the compiler's map from positions to the syntax tree:

- a line is covered when an instruction of one of its statements or expressions ran, in any contract that holds it;
- a branch is one of the two ways out of a conditional jump that the source asks for: `if` and `elif`, `assert`, `and`,
  `or`, `a if b else c`. A refused `assert` is a branch of its own. Loops, and checks that the compiler adds, are not.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import vyper.ast as vy
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.phases import CompilerData
from vyper.compiler.settings import anchor_settings
from vyper.ir import compile_ir

from ballast.chain.abi import ROOT, artifact
from tests.static.sources import DEPLOYABLES, MOCKS, PROTOCOL, functions, name
from tests.static.test_errors import UNREACHABLE, reasons

HITS = ROOT / ".build" / "coverage"
DECISIONS = (vy.If, vy.Assert, vy.BoolOp, vy.IfExp)
_PROTOCOL = set(PROTOCOL)
JUMPI, PUSH1, PUSH32 = 0x57, 0x60, 0x7F

Line = tuple[str, int]
Branch = tuple[str, int, int, int, bool]  # file, line, column, which of the node's jumps, taken


@dataclass
class Tally:
    """What there is and what was run, over all files."""

    lines: set[Line] = field(default_factory=set)
    branches: set[Branch] = field(default_factory=set)

    def __ior__(self, other: Tally) -> Tally:
        self.lines |= other.lines
        self.branches |= other.branches
        return self

    def of(self, file: str) -> Tally:
        """One file's part."""
        return Tally({each for each in self.lines if each[0] == file}, {b for b in self.branches if b[0] == file})


@dataclass(frozen=True)
class Code:
    """Compiled code, without what is appended to it, and where its instructions come from."""

    code: bytes
    lines: dict[int, Line]  # by position
    jumps: dict[int, tuple[str, int, int, int]]  # decisions by position of their jump

    @classmethod
    def assembled(cls, assembly: list[Any], code: bytes, end: int) -> Code:
        """From the compiler's assembly of that code, which ends there: creation code carries other code behind it."""
        maps = compile_ir.assembly_to_evm(assembly)[1]
        nodes = {pc: node for pc, node in maps["pc_raw_ast_map"].items() if pc < end and _file(node)}
        lines = {pc: (_file(node), node.lineno) for pc, node in nodes.items()}
        jumps, seen = {}, dict[tuple[str, int, int], int]()
        for pc in _jumps(code[:end]):
            if isinstance(node := nodes.get(pc), DECISIONS):
                key = (_file(node), node.lineno, node.col_offset)
                seen[key] = seen.get(key, -1) + 1
                jumps[pc] = (*key, seen[key])
        return cls(code, lines, jumps)

    def whole(self) -> Tally:
        """All there is to run."""
        branches = {(*jump, taken) for jump in self.jumps.values() for taken in (False, True)}
        return Tally(set(self.lines.values()), branches)

    def run(self, steps: set[tuple[int, int]]) -> Tally:
        """What ran."""
        found = Tally()
        for pc, next_ in steps:
            if pc in self.lines:
                found.lines.add(self.lines[pc])
            if pc in self.jumps:
                found.branches.add((*self.jumps[pc], next_ != pc + 1))
        return found


def _file(node: vy.VyperNode) -> str:
    """The file of the protocol in a function of which a node stands, "" where there is none."""
    function = node.get_ancestor(vy.FunctionDef)
    path = Path(node.module_node.resolved_path) if function is not None else ROOT
    written = path in _PROTOCOL and any(each.lineno == function.lineno for each in functions(path))
    return name(path) if written else ""  # else the code of others, or a getter that the compiler made


def _jumps(code: bytes) -> Iterator[int]:
    """Positions of conditional jumps."""
    position = 0
    while position < len(code):
        if code[position] == JUMPI:
            yield position
        position += 1 + max(0, code[position] - PUSH1 + 1) * (code[position] <= PUSH32)


def compiled(path: Path) -> list[Code]:
    """A contract's creation and runtime code."""
    bundle = FilesystemInputBundle([Path(entry) for entry in sys.path if entry] + [ROOT])
    data = CompilerData(bundle.load_file(path), bundle)
    with anchor_settings(data.settings):
        assert data.bytecode_runtime == artifact(path.stem).runtime, f"{path}: compile first"
        creation, runtime = data.bytecode, data.bytecode_runtime
        return [
            Code.assembled(data.assembly, creation, creation.index(runtime)),
            Code.assembled(data.assembly_runtime, runtime, len(runtime)),
        ]


def codes() -> list[Code]:
    """Every contract's code, mocks with modules of the protocol inside too; compiled anew only where it changed."""
    found = []
    for path in DEPLOYABLES + MOCKS:
        digest = hashlib.sha256(artifact(path.stem).bytecode).hexdigest()[:16]
        cached = HITS / f"{path.stem}-{digest}.code"
        if not cached.exists():
            HITS.mkdir(parents=True, exist_ok=True)
            for old in HITS.glob(f"{path.stem}-*.code"):
                old.unlink()
            cached.write_bytes(pickle.dumps(compiled(path)))
        found += pickle.loads(cached.read_bytes())
    return found


def left_out(path: Path, whole: Tally) -> set[Line]:
    """Statements of functions that no contract holds: nothing can run them."""
    lines = {line for file, line in whole.lines if file == name(path)}
    dead = (each for each in functions(path) if lines.isdisjoint(range(each.lineno, each.end_lineno + 1)))
    return {
        (name(path), node.lineno) for each in dead for node in each.body if not isinstance(node, (vy.Pass, vy.Expr))
    }


def gathered() -> tuple[dict[bytes, set[tuple[int, int]]], set[str]]:
    """What all workers hit: steps by code, and reasons given."""
    steps: dict[bytes, set[tuple[int, int]]] = {}
    heard: set[str] = set()
    for file in HITS.glob("*.hits"):
        each, said = pickle.loads(file.read_bytes())
        heard |= said
        for code, some in each.items():
            steps.setdefault(code, set()).update(some)
    return steps, heard


def tallies() -> tuple[Tally, Tally, set[str]]:
    """What there is; what was run; reasons of the catalogue that nothing was refused with."""
    whole, run = Tally(), Tally()
    steps, said = gathered()
    for code in codes():
        whole |= code.whole()
        for deployed, some in steps.items():
            if deployed.startswith(code.code):
                run |= code.run(some)
    for path in PROTOCOL:
        whole.lines |= left_out(path, whole)
    missing = {key for key, reason in reasons().items() if reason not in said and key not in UNREACHABLE}
    return whole, run, missing


def share(run: set[Any], whole: set[Any]) -> float:
    """Per cent."""
    return 100 * len(run & whole) / len(whole) if whole else 100.0


def main() -> None:
    """Print the table; fail below the floor of pyproject.toml."""
    whole, run, unheard = tallies()
    floor = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ballast"]["coverage"]
    print(f"{'Vyper code run by the unit tests':40} {'lines':>16} {'branches':>22}")
    rows = [(name(path), whole.of(name(path)), run.of(name(path))) for path in PROTOCOL]
    for file, all_, some in [row for row in rows if row[1].lines] + [("all", whole, run)]:
        print(
            f"{file.removeprefix('contracts/'):40} {len(some.lines & all_.lines):5} of {len(all_.lines):5}"
            f"{share(some.lines, all_.lines):7.1f} %  {len(some.branches & all_.branches):5} of {len(all_.branches):5}"
            f"{share(some.branches, all_.branches):7.1f} %"
        )
    for file, line in sorted(whole.lines - run.lines):
        print(f"{file}:{line}: not run")
    for file, line, column, _, taken in sorted(whole.branches - run.branches):
        print(f"{file}:{line}:{column + 1}: never {'jumps' if taken else 'falls through'}")
    for key in sorted(unheard):
        print(f"errors.{key}: nothing was refused with it")
    reached = {"lines": share(run.lines, whole.lines), "branches": share(run.branches, whole.branches)}
    short = [f"{what} {reached[what]:.2f} % < {floor[what]} %" for what in floor if reached[what] < floor[what]]
    if short or unheard:
        sys.exit(f"coverage: {', '.join(short) or 'reasons that no test hits'}")


if __name__ == "__main__":
    main()
