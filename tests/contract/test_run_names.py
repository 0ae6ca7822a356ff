"""How one of several runs of the same name is named exactly."""

from __future__ import annotations

import pytest

from lpse.federation.errors import Conflict, NotFound
from lpse.federation.run_names import Place, choose, meant, shown

NAME = "recon/lpse-pacitan/2"
OLD, NEW = Place(1, b"\x3f" * 16, 7), Place(2, b"\x9a" * 16, 7)


def test_a_name_stays_short_while_it_is_the_only_one() -> None:
    """Nobody sees an epoch where the number alone is enough."""
    assert shown(NAME, OLD, [OLD]) == NAME
    assert choose(NAME, [OLD]) == OLD.key


def test_each_of_two_runs_is_found_by_what_is_shown() -> None:
    """What a list shows is what `get` takes."""
    both = [OLD, NEW]
    assert shown(NAME, NEW, both) == f"{NAME}@9a9a9a9a"
    assert [choose(shown(NAME, one, both), both) for one in both] == [1, 2]


def test_a_short_name_of_two_runs_tells_both() -> None:
    """The old name still works, and says that it is not enough."""
    with pytest.raises(Conflict) as caught:
        choose(NAME, [OLD, NEW])
    assert caught.value.code == "FED-7046"
    assert f"{NAME}@3f3f3f3f, {NAME}@9a9a9a9a" in str(caught.value)


def test_runs_of_one_epoch_and_name_are_told_apart_by_their_index() -> None:
    """Also a node that writes a name twice makes no run unreachable."""
    places = [OLD, Place(3, OLD.epoch, 8), Place(4, OLD.epoch[:4] + b"\x00" * 12, 9)]
    names = [shown(NAME, one, places) for one in places]
    assert names[1] == f"{NAME}@{'3f' * 16}.8"
    assert [choose(name, places) for name in names] == [1, 3, 4]


@pytest.mark.parametrize("name", ["recon/x/2@", "recon/x/2@zz", f"{NAME}@00000000", "", "@@", "@"])
def test_what_names_no_run_finds_none(name: str) -> None:
    """A slip of the pen is told as a run that is not there."""
    with pytest.raises(NotFound):
        choose(name, [OLD] if name.startswith(NAME) else [])


def test_a_record_means_the_run_of_its_own_epoch() -> None:
    """A decision written before the number was given again stays with its run."""
    assert meant(NAME, [OLD, NEW], NEW.epoch) == NEW.key
    assert meant(NAME, [OLD, NEW], b"") == OLD.key
    assert meant(f"{NAME}@9a9a", [OLD, NEW], OLD.epoch) == NEW.key
    assert meant(NAME, [], OLD.epoch) is None
