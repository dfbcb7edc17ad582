"""Open the course in JupyterLab, as a copy to work in: `python -m tools.lab`, or `make lab`.

The copy is `work/`, or `work/zh` and `work/en` for one language; git ignores it. A notebook that
was changed there is never overwritten. Options that are not listed go to `jupyter lab`.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

try:
    from nbformat import NotebookNode

    from tools import course, prose
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed here; `python -m tools.doctor` tells what to do.")

OTHER = {"zh": "en", "en": "zh"}
MEMORY = ".copied.json"  # name -> fingerprint of what was copied: a file with another was changed
LINK_UP = re.compile(r"(\]\(|\b(?:src|href)=[\"'])(?=\.\./)")  # relative, out of the folder


def edition(nb: NotebookNode, language: str, *, deeper: bool = True) -> NotebookNode:
    """A copy of `nb` without the cells of the other language; headings keep their half.

    Code cells stay as they are. Links lead out of a folder that is one deeper than notebooks/, or
    out of notebooks/ itself with `deeper=False`.
    """
    kept = course.canonical(nb)
    kept.cells = [cell for cell in kept.cells if OTHER[language] not in course.tags(cell)]
    for cell in kept.cells:
        if cell.cell_type == "markdown":
            if prose.language(cell) is None:
                cell.source = one_language(cell.source, language)
            if deeper:
                cell.source = LINK_UP.sub(r"\1../", cell.source)
    return kept


def half(text: str, language: str) -> str:
    """One half of "中文 · English"; a text without halves, such as "XOR", whole."""
    for dot in re.finditer(" · ", text):
        zh, en = text[: dot.start()], text[dot.end() :]
        if prose.HAN.search(zh) and not prose.CHINESE.search(en):
            return zh if language == "zh" else en
    return text


def one_language(source: str, language: str) -> str:
    """The headings and table cells of a shared text cut to their half; code blocks stay."""
    lines, fenced = source.split("\n"), False
    for i, line in enumerate(lines):
        fenced ^= line.startswith(("```", "~~~"))
        if fenced:
            continue
        if found := prose.HEADING.fullmatch(line):
            lines[i] = f"{found[1]} {half(found[2], language)}"
        elif line.startswith("|"):
            cells = line.split("|")
            lines[i] = "|".join(_table_cell(cell, language) for cell in cells)
    return "\n".join(lines)


def _table_cell(cell: str, language: str) -> str:
    one = half(cell.strip(), language)
    return cell if one == cell.strip() else f" {one} "


@dataclass
class Report:
    """What became of the notebooks, by name."""

    new: list[str] = field(default_factory=list)  # copied for the first time, or again
    updated: list[str] = field(default_factory=list)  # untouched by the learner: replaced
    kept: list[str] = field(default_factory=list)  # changed by the learner
    news: list[str] = field(default_factory=list)  # of these: the course has another version now


def prepare(folder: Path, language: str | None, source: Path = course.NOTEBOOKS) -> Report:
    """Bring the copy in `folder` up to date with the course, without touching what was changed."""
    report, memory = Report(), _remembered(folder / MEMORY)
    for path in course.notebooks(source):
        nb, copy = course.read(path), folder / path.name
        nb = edition(nb, language) if language else nb
        latest, mine = _fingerprint(nb), _fingerprint_of(copy)
        copied = memory.get(path.name)
        if mine not in (None, latest, copied):
            report.kept.append(path.name)
            if copied != latest:
                report.news.append(path.name)
            continue
        if mine != latest:
            (report.updated if mine else report.new).append(path.name)
            course.write_atomic(copy, course.dumps(nb).encode("utf-8"))
        memory[path.name] = latest
    course.write_atomic(folder / MEMORY, json.dumps(memory, indent=1).encode("utf-8"))
    return report


def _remembered(path: Path) -> dict[str, str]:
    try:
        memory = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # lost: whatever differs from the course counts as changed
        return {}
    return memory if isinstance(memory, dict) else {}


def _fingerprint(nb: NotebookNode) -> str:
    """The same for two notebooks with the same cells: JupyterLab writes metadata on opening."""
    return hashlib.sha256(course.dumps(course.canonical(nb)).encode("utf-8")).hexdigest()


def _fingerprint_of(path: Path) -> str | None:
    """That of the notebook at `path`; None where there is no file."""
    if not path.exists():
        return None
    try:
        return _fingerprint(course.read(path))
    except Exception:  # no notebook any more, so it was changed
        return "unreadable"


def describe(report: Report, folder: str) -> str:
    """The report in one line, and one more if there is news for notebooks that were kept."""
    counts = {
        "new": report.new,
        "updated": report.updated,
        "with changes of yours, kept": report.kept,
    }
    done = ", ".join(f"{len(names)} {what}" for what, names in counts.items() if names)
    text = f"{folder}: {done or 'up to date'}"
    if report.news:
        text += (
            f"\nThe course has a newer {', '.join(report.news)}; rename or delete yours in "
            f"{folder} and start again to get it."
        )
    return text


def jupyter(folder: Path, options: list[str]) -> tuple[list[str], dict[str, str]]:
    """The command that opens JupyterLab at `folder`, and its environment."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={course.ROOT}"]
    place = folder.relative_to(course.ROOT).as_posix()  # the pictures above it can be shown, too
    env = {
        "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel, not one of the user's others
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait do not keep a busy laptop's cores
        **os.environ,
    }
    return [*command, f"--LabApp.default_url=/lab/tree/{place}", *options], env


def main(argv: list[str] | None = None) -> int:
    """Exit status: JupyterLab's; 2 for a wrong option."""
    parser = argparse.ArgumentParser(
        prog="lab", description=__doc__.splitlines()[0], allow_abbrev=False
    )
    add = parser.add_argument
    add("--edition", default=os.environ.get("EDITION", ""), help="zh or en: one language only")
    add("--prepare-only", action="store_true", help="make the copy and do not open it")
    given, options = parser.parse_known_args(argv)
    if given.edition not in ("", *OTHER):
        print(f"lab: EDITION is zh or en, not {given.edition!r}.", file=sys.stderr)
        return 2
    folder = course.ROOT / "work" / given.edition
    try:
        report = prepare(folder, given.edition or None)
    except OSError as error:
        print(f"lab: cannot write {error.filename}: {error.strerror}.", file=sys.stderr)
        return 1
    print(describe(report, folder.relative_to(course.ROOT).as_posix()), flush=True)
    if given.prepare_only:
        return 0
    command, env = jupyter(folder, options)
    if os.name == "posix":
        os.execve(command[0], command, env)  # Ctrl-C reaches JupyterLab itself
    return subprocess.call(command, env=env)


if __name__ == "__main__":
    sys.exit(main())
