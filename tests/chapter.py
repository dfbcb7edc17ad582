"""What a chapter defines, for tests that hold a notebook's own code against something else."""

import ast
from functools import cache

from tools import course


@cache
def chapter(name: str) -> dict:
    """The imports, functions, classes and constants in capitals of a notebook's cells, executed."""
    nb = course.read(course.NOTEBOOKS / f"{name}.ipynb")
    trees = [ast.parse(cell.source) for cell in course.code_cells(nb)]
    kept = ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef

    def wanted(node: ast.stmt) -> bool:
        name = getattr(node.targets[0], "id", "") if isinstance(node, ast.Assign) else ""
        return isinstance(node, kept) or (name.isupper() and len(name) > 1)

    body = [node for tree in trees for node in tree.body if wanted(node)]
    namespace = {}
    exec(compile(ast.Module(body, type_ignores=[]), name, "exec"), namespace)
    return namespace
