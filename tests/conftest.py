"""One offline kit for tests about neither models nor stores: 12 passages, 6 questions."""

import pytest

from retrieval.kit import Kit
from retrieval.offline import offline_kit

PASSAGES = {
    "cats/sleep.md": "Cats sleep up to sixteen hours a day, most of all on warm window sills.",
    "cats/food.md": "A grown cat eats two small meals a day; milk upsets its stomach.",
    "cats/history.md": "Cats were first kept in the Near East, where they guarded stored grain.",
    "bread/dough.md": "Bread dough is flour, water, salt and yeast, kneaded until it is smooth.",
    "bread/oven.md": "Bake the loaf in a very hot oven; steam gives it a thin crust.",
    "bread/history.md": "Flat bread was baked on hot stones fourteen thousand years ago.",
    "trains/speed.md": "The fastest train on rails reached 574 kilometres an hour in France.",
    "trains/gauge.md": (
        "Standard gauge, 1435 millimetres between the rails, is used by most trains."
    ),
    "trains/history.md": "The first public railway with steam trains opened in England in 1825.",
    "stars/sun.md": "The sun is a star of middle age; its light needs eight minutes to reach us.",
    "stars/names.md": "Most bright stars have Arabic names, such as Aldebaran and Rigel.",
    "stars/death.md": "A heavy star ends as a supernova and leaves a neutron star or a black hole.",
}
QUESTIONS = {
    "where do cats sleep?": "cats/sleep.md",
    "what is in bread dough?": "bread/dough.md",
    "how fast is the fastest train?": "trains/speed.md",
    "how long does light from the sun take?": "stars/sun.md",
    "which names do bright stars have?": "stars/names.md",
    "when did the first railway open?": "trains/history.md",
}


@pytest.fixture
def kit() -> Kit:
    """A hash encoder, word terms and a list store that hold the twelve passages."""
    return offline_kit(PASSAGES)


@pytest.fixture
def questions() -> dict[str, str]:
    """Six questions, each with the document that answers it."""
    return dict(QUESTIONS)
