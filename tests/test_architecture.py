"""The house, floor by floor: who may import whom, read off the source."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Each floor and the floors it stands on. What is not named here may import all of them.
STANDS_ON: Mapping[str, frozenset[str]] = {
    "wire": frozenset(),
    "upstream": frozenset({"wire"}),
    "cache": frozenset({"wire"}),
    "relay": frozenset({"wire", "upstream", "cache"}),
    "offline": frozenset({"wire", "upstream", "cache", "relay"}),
    "listener": frozenset({"wire", "upstream", "cache", "relay", "offline"}),
}
# The language is octets in, values out: no I/O, no clock, no Twisted.
NOT_FOR_WIRE = frozenset(
    {"twisted", "zope", "socket", "ssl", "time", "os", "pathlib", "asyncio"}
    | {"threading", "selectors", "subprocess", "logging", "sqlite3", "io"}
)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES: Mapping[str, ast.Module] = {
    module_name(path): ast.parse(path.read_bytes(), str(path))
    for package in ("imapproxy", "fakeserver")
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere in the tree, and every name taken from one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide the arrow"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def our_imports(module: str) -> set[str]:
    """Which modules of ours a module imports."""
    found = set()
    for name in imported(MODULES[module]):
        # "imapproxy.wire.framing.Framer" is a name out of the module imapproxy.wire.framing.
        parts = name.split(".")
        prefixes = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
        found |= {next((prefix for prefix in prefixes if prefix in MODULES), module)}
    return found - {module}


def floor(module: str) -> str | None:
    parts = module.split(".")
    return (
        parts[1] if parts[0] == "imapproxy" and len(parts) > 1 and parts[1] in STANDS_ON else None
    )


def test_the_walk_finds_the_floors() -> None:
    assert {floor(module) for module in MODULES} >= {"wire", "upstream", "relay", "listener"}


@pytest.mark.parametrize("module", [m for m in MODULES if floor(m)])
def test_a_floor_imports_only_floors_below(module: str) -> None:
    mine = floor(module)
    assert mine is not None
    for target in our_imports(module) - {"imapproxy"}:
        theirs = floor(target)
        assert theirs is not None, f"{module} imports {target}, which is above all floors"
        assert theirs == mine or theirs in STANDS_ON[mine], f"{module} imports {target}"


def test_nobody_imports_in_a_circle() -> None:
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way[way.index(module) :], module))
        if module in done:
            return
        for target in sorted(our_imports(module)):
            visit(target, (*way, module))
        done.add(module)

    for module in MODULES:
        visit(module, ())


def test_the_proxy_knows_the_fake_server_in_the_demo_alone() -> None:
    knowing = {
        module
        for module in MODULES
        if module.startswith("imapproxy")
        and any(target.startswith("fakeserver") for target in our_imports(module))
    }
    assert knowing <= {"imapproxy.demo"}


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("fakeserver")])
def test_the_fake_server_knows_the_wire_language_alone(module: str) -> None:
    for target in our_imports(module):
        assert target.startswith(("fakeserver", "imapproxy.wire")), f"{module} imports {target}"


@pytest.mark.parametrize("module", [m for m in MODULES if floor(m) == "wire"])
def test_the_wire_language_does_no_input_or_output(module: str) -> None:
    for name in imported(MODULES[module]):
        assert name.partition(".")[0] not in NOT_FOR_WIRE, f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES)
def test_nobody_takes_the_global_reactor_on_import(module: str) -> None:
    # Only what runs when the module is imported: a command's function may take it.
    outside_functions = ast.Module(body=[], type_ignores=[])
    waiting: list[ast.AST] = [MODULES[module]]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.stmt) and isinstance(node, ast.Import | ast.ImportFrom):
            outside_functions.body.append(node)
        waiting.extend(ast.iter_child_nodes(node))
    for name in imported(outside_functions):
        assert not name.startswith("twisted.internet.reactor"), f"{module} takes it on import"
