"""Writes the map of the package into CONTRIBUTING.md, from its import contracts and docstrings."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[1]
GUIDE = CHECKOUT / "CONTRIBUTING.md"
PACKAGE = CHECKOUT / "recon"


def main() -> None:
    """Rewrite the guide."""
    GUIDE.write_text(with_map(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")


def with_map(text: str) -> str:
    """The guide's text with the map of the current version."""
    contracts = _contracts()
    for name, lines in (("layout", _floors(contracts)), ("doors", _doors(contracts))):
        begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
        block = "\n".join([*lines, ""])
        text = re.sub(f"(?s){begin}.*?{end}", lambda _, b=f"{begin}{block}{end}": b, text)
    return text


def _contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return contracts


def _floors(contracts: list[dict[str, Any]]) -> list[str]:
    """A table of the layers, the highest first; parts of one floor do not import each other."""
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    rows = []
    for number, layer in zip(range(len(layers), 0, -1), layers, strict=True):
        rows += [f"| {number} | `{_name(part)}` | {_purpose(part)} |" for part in layer.split(" | ")]
    return ["| floor | part of `recon/` | what it is |", "|---|---|---|", *rows]


def _doors(contracts: list[dict[str, Any]]) -> list[str]:
    """A table of the modules that only some parts may import."""
    rows = [
        f"| {_names(contract['protected_modules'])} | {_names(contract['allowed_importers'])} |"
        for contract in contracts
        if contract["type"] == "protected"
    ]
    return ["| imported by few | by whom |", "|---|---|", *rows]


def _names(modules: list[str]) -> str:
    return ", ".join(f"`{module}`" for module in modules)


def _file(part: str) -> Path:
    module = PACKAGE / f"{part}.py"
    return module if module.is_file() else PACKAGE / part / "__init__.py"


def _name(part: str) -> str:
    return f"{part}/" if _file(part).name == "__init__.py" else f"{part}.py"


def _purpose(part: str) -> str:
    """The first line of the docstring."""
    text = ast.get_docstring(ast.parse(_file(part).read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


if __name__ == "__main__":
    main()
