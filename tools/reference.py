"""The reference of `helpers` for the site, from its docstrings, without importing it (or torch)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tools.course import ROOT
from tools.lab import half

INTRODUCTION = (
    "章节笔记本导入的小型训练库。每个名字先在某一章讲过，后面各章再用；说明取自源码，用英文写。"
    " · The small training library that the notebooks import. Each name is taught in a chapter"
    " first and used in the later ones. The descriptions are the docstrings of the source."
)


def page(language: str, source: str, root: Path = ROOT) -> str:
    """The page in Markdown; `source` is the address of the repository's files."""
    package = ast.parse((root / "helpers" / "__init__.py").read_text(encoding="utf-8"))
    lines = [
        f"# {half('helpers 参考 · helpers reference', language)}",
        half(INTRODUCTION, language),
    ]
    for module, names in _public(package).items():
        path = f"helpers/{module}.py"
        tree = ast.parse((root / path).read_text(encoding="utf-8"))
        summary, _, more = (ast.get_docstring(tree) or "").partition("\n\n")
        lines += [f"## helpers.{module}", summary, more, f"[{path}]({source}/{path})"]
        lines += [_entry(node, name) for name in names if (node := _definition(tree, name))]
    return "\n\n".join(filter(None, lines)) + "\n"


def _public(package: ast.Module) -> dict[str, list[str]]:
    """Module -> the public names that `helpers/__init__.py` takes from it."""
    listed = next(n.value for n in package.body if isinstance(n, ast.Assign))
    public = set(ast.literal_eval(listed))
    imports = [node for node in package.body if isinstance(node, ast.ImportFrom)]
    return {n.module: [a.name for a in n.names if a.name in public] for n in imports}


def _definition(tree: ast.Module, name: str) -> ast.stmt | None:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if name in [getattr(node, "name", None), *(getattr(t, "id", None) for t in targets)]:
            return node
    return None


def _entry(node: ast.stmt, name: str) -> str:
    """The description of one name as a directive of Sphinx's Python domain."""
    if isinstance(node, ast.ClassDef):
        methods = [_entry(m, f"{name}.{m.name}") for m in _methods(node)]
        return _directive("class", name + _constructor(node), "\n\n".join([_text(node), *methods]))
    if isinstance(node, ast.FunctionDef):
        kind = _kind(node, "." in name)
        return _directive(kind, name + _signature(node, kind), _text(node))
    return _directive("data", name, f"`{ast.unparse(node.value)}`")


def _kind(node: ast.FunctionDef, in_class: bool) -> str:
    decorators = [ast.unparse(d) for d in node.decorator_list]
    if not in_class:
        return "function"
    return next((d for d in decorators if d in ("property", "classmethod")), "method")


def _methods(node: ast.ClassDef) -> Iterator[ast.FunctionDef]:
    for child in node.body:
        is_public = isinstance(child, ast.FunctionDef) and not child.name.startswith("_")
        if is_public and ast.get_docstring(child):
            yield child


def _constructor(node: ast.ClassDef) -> str:
    """How an object is made: the arguments of `__init__`, or the fields of a dataclass."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef) and child.name == "__init__":
            return re.sub(r" -> None$", "", _signature(child, "method"))
    fields = [c for c in node.body if isinstance(c, ast.AnnAssign)]
    return f"({', '.join(ast.unparse(field.target) for field in fields)})" if fields else ""


def _signature(node: ast.FunctionDef, kind: str) -> str:
    arguments = node.args
    if kind != "function" and arguments.args:
        arguments.args = arguments.args[1:]  # self
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(arguments)}){returns}" if kind != "property" else ""


def _text(node: ast.AST) -> str:
    """A docstring in Markdown; what a line says of `name: ...` becomes a paragraph of its own."""
    text = ast.get_docstring(node) or ""
    text = re.sub(r"\n(?=\w+(?:, \w+)*: |Raises )", "\n\n", text)
    return re.sub(r"^([a-z]\w*(?:, \w+)*): ", r"`\1`: ", text, flags=re.MULTILINE)


def _directive(kind: str, head: str, body: str) -> str:
    fence = ":" * (4 if kind == "class" else 3)
    return f"{fence}{{py:{kind}}} {head}\n{body}\n{fence}"
