"""Sphinx configuration of both editions; tools/site.py writes the pages and sets EDITION."""

import os
import re
import sys
from importlib.metadata import files
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from character_pairs import CharacterPairs  # noqa: E402
from sphinx.search import languages  # noqa: E402

from tools.lab import OTHER, half  # noqa: E402
from tools.pages import address  # noqa: E402

EDITION = os.environ["EDITION"]
MATHJAX = next(f for f in files("sphinx-mathjax-offline") if f.name == "tex-svg-full.js").locate()

project = half("动手学深度学习 · Dive into Deep Learning", EDITION)
html_title = project
language = {"zh": "zh_CN", "en": "en"}[EDITION]
languages["zh"] = CharacterPairs  # instead of Sphinx's own, which finds nothing

extensions = ["myst_nb", "sphinx_copybutton", "sphinx.ext.mathjax"]
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
python_maximum_signature_line_length = 88
copybutton_selector = "div.cell_input pre, div.highlight:not(.cell_output div) > pre"

html_theme = "sphinx_book_theme"
html_theme_options = {
    "repository_url": address(),
    "repository_branch": "main",
    "use_repository_button": True,
    "use_issues_button": True,
    "use_fullscreen_button": False,
    "launch_buttons": {
        "binderhub_url": "https://mybinder.org",
        "colab_url": "https://colab.research.google.com",
        "notebook_interface": "jupyterlab",
    },
    "home_page_in_toc": True,
    "search_bar_text": half("搜索 · Search", EDITION),
    "show_toc_level": 2,
    "article_header_end": ["language.html", "article-header-buttons.html"],
    "footer_content_items": [],
    "navbar_end": [],
    "navbar_persistent": [],  # else a second search field
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {
    "default_mode": "auto",
    "other": OTHER[EDITION],
    "other_name": {"zh": "English", "en": "中文"}[EDITION],
    "other_label": {"zh": "Read this page in English", "en": "用中文读这一页"}[EDITION],
}
templates_path = ["theme"]
html_static_path = ["theme/course.css", str(MATHJAX)]
html_css_files = ["course.css"]
html_sourcelink_suffix = ""  # a downloaded notebook is called .ipynb
html_favicon = "theme/favicon.svg"
html_show_sphinx = False
html_use_index = False  # the reference is one page

# One file with its fonts inside: no page asks another host for anything.
mathjax_path = "tex-svg-full.js"
mathjax3_config = {"options": {"enableMenu": False}}

linkcheck_anchors = False
linkcheck_timeout = 20
linkcheck_ignore = [f".*{address().removeprefix('https://github.com')}"]  # it may have no home yet


LABELS = {  # of the theme's buttons, which has no Chinese for them
    "Toggle primary sidebar": "显示或隐藏章节",
    "Toggle secondary sidebar": "显示或隐藏本页目录",
    "Launch interactive content": "在线运行",
    "Launch on Binder": "在 Binder 上运行",
    "Launch on Colab": "在 Colab 上运行",
    "Binder logo": "Binder 标志",
    "Colab logo": "Colab 标志",
    "Source repositories": "源代码",
    "Repository": "代码仓库",
    "Open issue": "提交问题",
    "Color mode": "配色",
    "System Settings": "跟随系统",
    "Main": "全书",
    "Page": "本页",
}
PLACE = r"""(?:(?<=title=")|(?<=label=")|(?<=alt=")|(?<=container">)|(?<=</i>))"""
LABEL = re.compile(rf"""{PLACE}(?:{"|".join(LABELS)})(?=["<])""")


def setup(app):
    """Keep myst-nb's intermediate files out of the folder that is published; Chinese labels."""
    app.connect("builder-inited", _move_outputs, priority=900)  # after myst-nb's own
    if EDITION == "zh":
        app.connect("builder-inited", _translate_labels)


def _move_outputs(app):
    folder = Path(app.doctreedir).parent / "outputs"
    app.env.mystnb_config = app.env.mystnb_config.copy(output_folder=str(folder))


def _translate_labels(app):
    if app.builder.name == "html":
        render = app.builder.templates.render
        app.builder.templates.render = lambda *page: LABEL.sub(
            lambda label: LABELS[label[0]], render(*page)
        )
