"""The small training library of the course: data, plots, metrics and one train loop.

Every name below is taught in a chapter first and used in the later ones.
The names of the book and the videos are in `helpers.d2l`.
"""

from .data import (
    FASHION_LABELS,
    ResidentLoader,
    fashion_labels,
    fashion_mnist,
    load_array,
    load_data_fashion_mnist,
    resize_images,
    synthetic_data,
)
from .devices import keep_freed_memory, seed_everything, try_all_gpus, try_gpu
from .diagrams import draw_graph, draw_network
from .download import fetch
from .figures import digest, read_digest, save_figure
from .inspection import (
    Layer,
    show_confusion,
    show_layers,
    show_mistakes,
    trace_layers,
)
from .metrics import (
    Accumulator,
    Timer,
    accuracy,
    evaluate_accuracy,
    evaluate_loss,
    predict,
)
from .models import Residual, resnet18
from .plotting import Animator, plot, show_images
from .recipes import choose_recipe, init_xavier, make_optimizer, train_recipe
from .results import record_result, results_table
from .training import History, train

keep_freed_memory()

__all__ = [
    "FASHION_LABELS",
    "Accumulator",
    "Animator",
    "History",
    "Layer",
    "ResidentLoader",
    "Residual",
    "Timer",
    "accuracy",
    "choose_recipe",
    "digest",
    "draw_graph",
    "draw_network",
    "evaluate_accuracy",
    "evaluate_loss",
    "fashion_labels",
    "fashion_mnist",
    "fetch",
    "init_xavier",
    "load_array",
    "load_data_fashion_mnist",
    "make_optimizer",
    "plot",
    "predict",
    "read_digest",
    "record_result",
    "resize_images",
    "resnet18",
    "results_table",
    "save_figure",
    "seed_everything",
    "show_confusion",
    "show_images",
    "show_layers",
    "show_mistakes",
    "synthetic_data",
    "trace_layers",
    "train",
    "train_recipe",
    "try_all_gpus",
    "try_gpu",
]
