"""The choice between the two recipes of a chapter."""

import pytest

from helpers import choose_recipe

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
