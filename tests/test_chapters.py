"""The course is complete: all 25 chapters, and a counterpart of every figure of the notes."""

import ast

import pytest

from helpers import read_digest
from tools.course import FIGURES, NOTEBOOKS, code_cells, notebooks, read

CHAPTERS = {
    "01_data_ops": "数据操作",
    "02_linear_algebra": "线性代数",
    "03_autograd": "自动求导",
    "04_linear_regression": "线性回归",
    "05_softmax_regression": "Softmax",
    "06_perceptron": "感知机",
    "07_mlp": "多层感知机",
    "08_model_selection": "模型选择",
    "09_regularization": "权重衰退",
    "10_numerical_stability": "数值稳定性",
    "11_layers_and_blocks": "层和块",
    "12_parameters": "参数管理",
    "13_convolutions": "卷积",
    "14_pooling": "池化",
    "15_lenet": "LeNet",
    "16_alexnet": "AlexNet",
    "17_vgg": "VGG",
    "18_nin": "NiN",
    "19_googlenet": "GoogLeNet",
    "20_batch_norm": "批量归一化",
    "21_resnet": "ResNet",
    "22_multi_gpu": "GPU",
    "23_distributed": "分布式",
    "24_image_augmentation": "数据增强",
    "25_fine_tuning": "微调",
}
PUBLISHED = {  # chapter -> the recipes of the notes, in the order in which the chapter trains
    "15": [dict(lr=0.05, batch_size=256, num_epochs=20, optimizer="sgd")],
    "16": [dict(resize=224, lr=0.01, batch_size=128, num_epochs=10, optimizer="sgd")],
    "17": [dict(resize=224, lr=0.05, batch_size=128, num_epochs=10, optimizer="sgd", width=1 / 4)],
    "18": [dict(resize=224, lr=0.05, batch_size=128, num_epochs=10, optimizer="sgd")],
    "19": [dict(resize=96, lr=0.1, batch_size=128, num_epochs=10, optimizer="sgd")],
    "20": [dict(lr=0.5, batch_size=256, num_epochs=20, optimizer="sgd")],
    "21": [dict(resize=224, lr=0.01, batch_size=256, num_epochs=10, optimizer="sgd")],
    "22": [
        dict(lr=0.2, batch_size=256, num_epochs=10, optimizer="sgd"),  # LeNet from scratch
        dict(lr=0.1, batch_size=256, num_epochs=10, optimizer="sgd"),  # ResNet-18
    ],
    "24": [dict(data="CIFAR-10", lr=1e-3, batch_size=256, num_epochs=10)],  # the code takes Adam
    "25": [
        dict(  # the notes follow the gradient of the sum over a batch, helpers that of the mean
            data="hotdog",
            batch_size=128,
            num_epochs=5,
            optimizer="sgd",
            lr=5e-5 * 128,
            scratch_lr=5e-4 * 128,
            weight_decay=1e-3 / 128,
        ),
    ],
}
NEUTRAL = dict(width=1, num_train=60_000, num_test=10_000, init="xavier")  # as if not given
NOT_OF_THE_NOTES = {"seeds", "bf16", "checkpoint", "num_hiddens"}  # nor a change of the recipe
# The cat and the pictures of a data set are photographs: PNG, where the notes have SVG throughout.
FIGURES_OF_THE_NOTES = {  # file -> the chapter that draws it
    "softmax1.svg": "05",
    "softmaxpre1.svg": "05",
    "perceptron.png": "07",
    "LeNet.svg": "15",
    "AlexNet.svg": "16",
    "VGG.svg": "17",
    "NiN.svg": "18",
    "GoogleNet.svg": "19",
    "BN.svg": "20",
    "ResNet.svg": "21",
    "dGPU1.svg": "22",
    "dGPU2.svg": "22",
    **{f"sjzq{i}.png": "24" for i in range(1, 8)},
    "sjzq8.svg": "24",
    "sjzq9.svg": "24",
    "finetuning.svg": "25",
    "nofinetuning.svg": "25",
}
OTHER_DATA = ["sjzq7.png", "sjzq8.svg", "sjzq9.svg", "finetuning.svg", "nofinetuning.svg"]


def test_all_25_chapters_are_there_and_no_other():
    assert len(CHAPTERS) == 25
    assert [path.stem for path in notebooks()] == list(CHAPTERS)


@pytest.mark.parametrize("name, topic", CHAPTERS.items(), ids=list(CHAPTERS))
def test_a_chapter_is_about_its_topic(name, topic):
    assert topic in read(NOTEBOOKS / f"{name}.ipynb").cells[0].source


def test_the_notes_have_23_figures():
    assert len(FIGURES_OF_THE_NOTES) == 23


@pytest.mark.parametrize(
    "name, number", FIGURES_OF_THE_NOTES.items(), ids=list(FIGURES_OF_THE_NOTES)
)
def test_a_figure_of_the_notes_is_drawn_by_its_chapter_and_stored(name, number):
    chapter = next(path for path in notebooks() if path.name.startswith(number))
    assert any(f'save_figure("{name}"' in cell.source for cell in code_cells(read(chapter)))
    assert (FIGURES / name).stat().st_size > 1000
    assert read_digest(FIGURES / name)


def full_recipes(chapter: str) -> list[dict]:
    """What the chapter's calls choose_recipe(quick=..., full=dict(...)) hold of plain values."""
    path = next(path for path in notebooks() if path.name.startswith(chapter))
    found = []
    for cell in code_cells(read(path)):
        code = "\n".join(line for line in cell.source.splitlines() if line[:1] != "%")
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "choose_recipe":
                full = next(given.value for given in node.keywords if given.arg == "full")
                if not full.args:  # the notes do not train the small networks of chapter 21
                    found.append(eval(ast.unparse(full), {"dict": dict}))
    return found


@pytest.mark.parametrize("chapter", PUBLISHED)
def test_the_full_recipe_is_the_one_of_the_notes(chapter):
    found = full_recipes(chapter)
    for recipe in found:
        assert recipe["seeds"], "how often is not the notes' to say"
        changed = {name: v for name, v in recipe.items() if NEUTRAL.get(name) != v}
        recipe.clear()
        recipe.update({name: v for name, v in changed.items() if name not in NOT_OF_THE_NOTES})
    assert found == PUBLISHED[chapter]


@pytest.mark.parametrize("name", OTHER_DATA)
def test_a_figure_of_other_data_than_the_notes_says_so(name):
    assert "Fashion-MNIST" in read_digest(FIGURES / name)


def test_notebooks_and_figures_stay_small():
    files = [
        path for folder in (NOTEBOOKS, FIGURES) for path in folder.rglob("*") if path.is_file()
    ]
    assert sum(path.stat().st_size for path in files) <= 15e6, "15 MB, for those on a slow link"
