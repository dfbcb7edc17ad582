"""Build the course as a site, in Chinese and English: `python -m tools.site`, or `make site`.

build/site/ is what is published: zh/, en/ and a page that leads to one of them. Nothing is executed
and nothing is fetched. What Sphinx reads and remembers stands in build/pages/; a second call builds
only what has changed.
"""

import argparse
import functools
import http.server
import os
import shutil
import subprocess
import sys
import time
import webbrowser
from contextlib import suppress
from pathlib import Path

try:
    from tools import course, pages
    from tools.lab import OTHER
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed here: pip install -r requirements-site.txt")

OUT = course.ROOT / "build" / "site"
WORK = course.ROOT / "build" / "pages"
ENTRANCE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>动手学深度学习 · Dive into Deep Learning</title>
<script>
  location.replace((/^zh/i.test(navigator.language) ? "zh" : "en") + "/index.html");
</script>
<p><a lang="zh-CN" href="zh/index.html">动手学深度学习</a></p>
<p><a href="en/index.html">Dive into Deep Learning</a></p>
</html>
"""


def write_pages(folder: Path, files: dict[str, str | bytes]) -> None:
    """Make `folder` hold exactly `files`; what is the same already is not touched."""
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode("utf-8")
        path = folder / name
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def sphinx(language: str, builder: str) -> subprocess.Popen:
    """Start Sphinx on the pages of an edition; every warning is an error."""
    source, memory = WORK / language, WORK / f".{language}"
    out = OUT / language if builder == "html" else memory / builder
    command = [sys.executable, "-m", "sphinx", "-b", builder, "-c", course.ROOT / "site"]
    command += ["-d", memory / "doctrees", "-W", "--keep-going", "-q", source, out]
    return subprocess.Popen(command, env={**os.environ, "EDITION": language})


def build(builder: str = "html") -> int:
    """Build both editions side by side. Returns the number of those that failed."""
    for language in OTHER:
        write_pages(WORK / language, pages.edition_pages(language))
    runs = {language: sphinx(language, builder) for language in OTHER}
    failed = [language for language, run in runs.items() if run.wait()]
    for language in failed:  # else the next build skips the page, and its warning with it
        shutil.rmtree(WORK / f".{language}", ignore_errors=True)
    if builder == "html" and not failed:
        (OUT / "index.html").write_text(ENTRANCE, encoding="utf-8")
    return len(failed)


def serve(port: int) -> None:
    """Show the site at 127.0.0.1 and open it, until Ctrl-C."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=OUT)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        print(f"{address} (Ctrl-C ends it)", flush=True)
        webbrowser.open(address)
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def main(argv: list[str] | None = None) -> int:
    """Exit status: 0, or 1 when an edition could not be built."""
    parser = argparse.ArgumentParser(prog="site", description=__doc__.splitlines()[0])
    parser.add_argument("--serve", action="store_true", help="build it, then open it in a browser")
    parser.add_argument("--port", type=int, default=0, help="for --serve; a free one by default")
    parser.add_argument("--check-links", action="store_true", help="only ask external links")
    given = parser.parse_args(argv)
    start = time.perf_counter()
    if build("linkcheck" if given.check_links else "html"):
        return 1
    if given.check_links:
        return 0
    size = sum(path.stat().st_size for path in OUT.rglob("*") if path.is_file())
    count = sum(1 for _ in OUT.rglob("*.html"))
    place = OUT.relative_to(course.ROOT).as_posix()
    print(f"{place}: {count} pages, {size / 1e6:.0f} MB, {time.perf_counter() - start:.0f} s")
    if given.serve:
        serve(given.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
