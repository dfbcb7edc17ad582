"""The choice between the two recipes of a chapter."""

import pytest
import torch
from torch import nn

from helpers import choose_recipe, init_xavier, make_optimizer, recipes, train_recipe

RECIPES = dict(quick=dict(width=1 / 4, num_epochs=3), full=dict(width=1, num_epochs=10, lr=0.01))


@pytest.mark.parametrize(
    "value, width", [(None, 1 / 4), ("", 1 / 4), ("quick", 1 / 4), ("full", 1)]
)
def test_profile_chooses(monkeypatch, value, width):
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    if value is not None:
        monkeypatch.setenv("COURSE_PROFILE", value)
    assert choose_recipe(**RECIPES).width == width


def test_a_name_of_the_other_recipe_is_none(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    assert choose_recipe(**RECIPES).lr is None


def test_an_unknown_profile_is_one_sentence(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "fast")
    with pytest.raises(ValueError, match="'fast'; set it to 'quick' or 'full'"):
        choose_recipe(**RECIPES)


def test_a_trial_is_the_full_recipe_cut_short(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "trial")
    full = dict(batch_size=128, num_epochs=20, num_epochs_concise=10, lr=0.05, seeds=[0, 1, 2])
    trial = choose_recipe(quick=dict(batch_size=32), full=full)
    assert (trial.batch_size, trial.lr) == (128, 0.05)
    assert (trial.num_epochs, trial.num_epochs_concise, trial.seeds) == (1, 1, [0])
    assert (trial.num_train, trial.num_test) == (256, 256)


def test_xavier_spares_lazy_layers_and_biases():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.LazyLinear(4), nn.Linear(4, 500))
    bias = net[3].bias.clone()
    net.apply(init_xavier)
    assert net[2].has_uninitialized_params()
    assert net[3].weight.abs().max() <= (6 / 504) ** 0.5
    assert net[3].weight.std().item() == pytest.approx((2 / 504) ** 0.5, rel=0.05)
    assert net[3].bias.equal(bias)


def test_adam_goes_up_to_the_rate_and_down_to_nothing():
    recipe = choose_recipe(quick=dict(optimizer="adam", lr=3e-3), full={})
    optimizer, scheduler = make_optimizer(nn.Linear(1, 1), recipe, num_steps=20)
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert max(rates) == pytest.approx(3e-3)
    assert rates[-1] < 1e-7


def test_sgd_keeps_its_rate_and_other_names_are_one_sentence():
    net = nn.Linear(1, 1)
    recipe = choose_recipe(quick=dict(optimizer="sgd", lr=0.1), full={})
    optimizer, scheduler = make_optimizer(net, recipe, num_steps=20)
    assert (optimizer.param_groups[0]["lr"], scheduler) == (0.1, None)
    recipe.optimizer = "lion"
    with pytest.raises(ValueError, match="'lion'; it is 'sgd' or 'adam'"):
        make_optimizer(net, recipe, num_steps=20)


SMALL = dict(batch_size=64, num_train=256, num_test=128, num_epochs=2, optimizer="adam", lr=3e-3)


def small_run(seed=0, **more):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    recipe = choose_recipe(quick=SMALL | more, full={})
    return train_recipe(net, recipe, seed, animate=False)


def test_a_recipe_gives_the_same_numbers_twice_and_others_with_another_seed():
    first, again, other = small_run(), small_run(), small_run(seed=1)
    assert first.train_loss == again.train_loss != other.train_loss
    assert len(first.test_acc) == 2


def test_an_interrupted_run_goes_on_and_a_complete_one_leaves_no_checkpoint(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    undisturbed = small_run()
    real, saved = recipes.train, {}

    def killed_after_one_epoch(*args, num_epochs, **kwargs):
        real(*args, num_epochs=1, **kwargs)
        saved["file"] = kwargs["checkpoint"]
        raise KeyboardInterrupt

    monkeypatch.setattr(recipes, "train", killed_after_one_epoch)
    with pytest.raises(KeyboardInterrupt):
        small_run(checkpoint="small")
    assert saved["file"].exists()
    monkeypatch.setattr(recipes, "train", real)
    assert small_run(checkpoint="small").train_loss == undisturbed.train_loss
    assert not saved["file"].exists()
