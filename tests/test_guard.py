"""tools.guard: what is wrong with a stored notebook is said without running it."""

import numpy as np
import pytest
from nbformat import v4

from tests.gate_cases import code, notebook, png, result, shown, stderr, stdout, text
from tools import course
from tools.guard import problems
from tools.prose import facts

DIGEST = "figure: 1 axes\nloss: 10 points, 0.5 ... 0.1"
ZH = "学习率是 `lr`，取 0.10；见 [第 3 节](https://d2l.ai/a_(b))，$y = x^2$，共 60,000 张。"
EN = "With `lr` at 0.1 (see [section 3](https://d2l.ai/a_(b))), $y=x^2$ and 60000 images."


def faults(*cells, **options):
    return problems(notebook(*cells, **options), "05_x.ipynb")


def twins(zh, en):
    return text(zh, "zh"), text(en, "en")


def test_a_good_notebook_has_none():
    assert not faults(
        text("## 小批量 · Minibatches\n\n$$a = b$$\n\n| 名 · name | n |\n|--|--|\n| LeNet | 5 |"),
        text("### LeNet-5\n![图 · figure](a.png)"),
        text("### `nn.Linear` $x$"),
        text("<details>\n<summary>答案 · Answer</summary>\nx\n</details>"),
        *twins(ZH, EN),
        code("%config InlineBackend.rc = {}\nlr = 0.1  # rate\nprint(lr)", stdout("0.1\n")),
        code("_ = plt.plot(x)", shown(DIGEST, png())),
        code(
            "net.train()\nnow()", result("12:00"), tags=["nbval-ignore-output", "why:live timing"]
        ),
        code("1 / 0", v4.new_output("error", ename="E", evalue="e"), tags=["raises-exception"]),
        code("check(1)", stdout("还没有 · not yet\n"), tags=["nbval-tol:0.03", "hide-input"]),
    )


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (code("1", stderr("Warning")), "stores text on stderr"),
        (code("1", v4.new_output("error", ename="E", evalue="e")), "stores the error E"),
        (code(" "), "is empty"),
        (code("%%time\n1"), "uses %%time, only %config and %matplotlib are allowed"),
        (code("x = %no_such 1"), "uses %no_such"),
        (code("?len"), "uses %pinfo"),
        (code("!ls"), "runs a shell command"),
        (code("files = !ls"), "runs a shell command"),
        (code("x = 1\nplt.plot(x);  # curve"), "ends a line with ';'"),
        (code("if x: y["), "is not Python"),
        (code("# NBVAL_IGNORE_OUTPUT\nnow()"), "holds an NBVAL comment"),
        (code("x = 1  # 学习率"), "holds Chinese characters"),
        (code("print(x)", stdout("损失 0.5\n")), "prints Chinese without"),
        (code("show()", shown("<Figure size 350x250 with 1 Axes>", png())), "without its digest"),
        (code("show()", v4.new_output("display_data", {"image/png": png()})), "without its digest"),
        (code("show()", shown(DIGEST, "bm9pc2U=")), "no readable PNG"),
        (code("show()", shown(DIGEST, png()[:800])), "no readable PNG"),
        (code("show()", shown(DIGEST, png(np.zeros((40, 60, 3), "uint8")))), "shows nothing"),
        (code("show()", shown(DIGEST, png(np.eye(3, dtype="uint8")[:, :, None].repeat(3, 2)))),
         "shows nothing"),
        (code("now()", tags=["nbval-ignore-output"]), "an exempt cell says why"),
        (code("train(net, 3)", tags=["nbval-skip", "why:slow"]), "trains and is exempt"),
        (code("d2l.train_ch6(net)", tags=["nbval-skip", "why:slow"]), "trains and is exempt"),
        (code("1", tags=["nbval-tol:0.06"]), "has a tolerance of 0.06, more than 0.05"),
        (code("save_figure('a.png')", tags=["nbval-tol:0.16"]), "more than 0.15"),
        (code("save_figure('a.png')", stdout("0.5\n"), tags=["nbval-tol:0.06"]), "more than 0.05"),
        (code("1", tags=["nbval-tol:nan"]), "has a tolerance of nan"),
        (code("1", tags=["nbval-tol:wide"]), "holds no number"),
        (code("1", tags=["nbval-ignore"]), "has the unknown tag 'nbval-ignore'"),
        (code("1", tags=["zh"]), "is code and tagged zh"),
    ],
)  # fmt: skip
def test_each_fault_of_a_code_cell_is_named_once(cell, sentence):
    (found,) = faults(code("1"), cell)
    assert found.startswith("05_x.ipynb, cell 1: ")
    assert sentence in found


def test_counts_run_from_one_without_gaps():
    nb = notebook(code("1"), code("2"), code("3"))
    nb.cells[2].execution_count = None
    nb.cells[3].execution_count = 7
    assert problems(nb, "a.ipynb") == [
        "a.ipynb, cell 1: was never executed, run it",
        "a.ipynb, cell 2: is stale, its count is 7 and not 3; run all cells from the top",
    ]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda nb: nb.metadata.pop("course"), "has no budget"),
        (lambda nb: nb.metadata.course.update(budget="soon"), "has no budget"),
        (lambda nb: nb.metadata.course.update(budget=0), "not a positive number"),
        (lambda nb: nb.metadata.update(widgets={}), "canonical form"),
        (lambda nb: nb.cells[1].metadata.update(scrolled=True), 'form, see "scrolled": true'),
        (lambda nb: nb.cells.pop(0), "first cell: is not a bilingual title"),
        (lambda nb: nb.cells[0].update(source="# LeNet"), "first cell: is not a bilingual title"),
    ],
)  # fmt: skip
def test_faults_of_the_whole_notebook(spoil, sentence):
    nb = notebook(code("1"), code("2"))
    spoil(nb)
    (found,) = problems(nb, "05_x.ipynb")
    assert found.startswith("05_x.ipynb")
    assert sentence in found


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ([text("中文", "zh")], 'text at position 1 ("中文"): is Chinese and not directly followed'),
        ([text("中文", "zh"), code("1"), text("E", "en")], "is Chinese and not directly followed"),
        ([text("English", "en")], "is English and does not directly follow"),
        (twins("no Chinese", "none"), "is tagged zh and holds no Chinese"),
        (twins("中文", "English，"), "is tagged en and holds '，'"),
        ([text("中文", "zh", "en")], "is tagged zh and en"),
        ([text("Some prose.")], "holds prose"),
        ([text("## 标题 · Title\nand prose")], "holds prose"),
        ([text("## Minibatches")], 'heading "Minibatches" is not'),
        ([text("## 小批量")], "is not"),
        ([text(" ")], "is empty"),
        (twins("取 3 个", "take 4"), "differ in their numbers (only zh: 3, only en: 4)"),
        (twins("取 3 个", "take some"), "differ in their numbers (only zh: 3)"),
        (twins("用 `a`", "use `b`"), "differ in their inline code"),
        (twins("式 $a$", "see $b$"), "differ in their formulas"),
        (twins("[书](x.md)", "[book](y.md)"), "differ in their links"),
        (twins("见 https://a.org/1。", "see <https://a.org/2>."), "differ in their links"),
    ],
)
def test_faults_of_the_prose(cells, sentence):
    assert any(sentence in found for found in faults(*cells))


def test_what_twins_share_is_found_once_and_normalised():
    assert facts(ZH) == facts(EN)
    assert facts(EN) == {
        "inline code": {"lr"},
        "formulas": {"y=x^2"},
        "links": {"https://d2l.ai/a_(b)"},
        "numbers": {"0.1", "3", "60000"},
    }


@pytest.mark.parametrize(
    ("zh", "en"),
    [
        ("三个", "three"),  # number words are words
        ("3 个", "3 of them"),
        ("28×28 的图", "a 28×28 image"),
        ("ResNet18 是二维的", "ResNet18 is 2D"),  # so are digits in a word
        ("$\\text{损失} = 1$", "$\\text{loss} = 1$"),
        ("```python\nx = 1\n```\n一", "```python\nx = 1\n```\none"),
        ("占 83.1%。", "It is 83.10 %."),
        ("torch 2.14.1 版。", "torch 2.14.1."),
        ("$$a\n= b$$ 好", "$$a = b$$ good"),
    ],
)
def test_twins_that_agree(zh, en):
    assert not faults(*twins(zh, en))


def test_the_shipped_notebooks_have_no_faults():
    found = [p for path in course.notebooks() for p in problems(course.read(path), path.name)]
    assert not found, "\n".join(found)
