"""
The contract on one caller: cells, rows of days, moving, and the storage itself.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from .. import state
from ..storage import MemoryStorage
from .opened import Opened
from .steps import (
    DAY,
    KEY,
    NOON,
    book,
    correct,
    count,
    everything,
    fail,
    full_cell,
    iso,
    move,
    requests,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..storage import Storage

__all__ = ["CellContract"]

ODD_NAMES = [
    "openai/gpt-oss-20b",
    "a/b",
    "a%2Fb",
    "%",
    "with space",
    " ",
    ":",
    "{x}",
    "[0]*?",
    'quo"te',
    "back\\slash",
    "new\nline",
    "ünïcode ☃ 🦙",
    "--; DROP TABLE cells",
    ".",
    "..",
    "x" * 200,
]


class CellContract(Opened):
    """
    What one caller may rely on.
    """

    # -- cells --------------------------------------------------------------------------------

    def test_step_begins_with_a_new_cell(self, tmp_path: Path) -> None:
        """
        Where nothing is kept the step gets a new cell, and its outcome is handed back.
        """
        with self.opened(tmp_path) as storage:
            assert state.new_cell() == storage.transact(KEY, state.clone)

    def test_keeps_what_the_step_changed(self, tmp_path: Path) -> None:
        """
        The next step, `read` and `load` see it.
        """
        with self.opened(tmp_path) as storage:
            assert 1 == storage.transact(KEY, count)
            assert 2 == storage.transact(KEY, count)
            cell = storage.read(KEY)
            cells = storage.load("default")

        assert cell is not None
        assert 2 == cell["today"]["requests"]
        assert {KEY[1]: cell} == cells

    def test_nothing_is_kept_of_a_step_that_raises(self, tmp_path: Path) -> None:
        """
        Its error arrives as it is, and neither cell nor rows have changed.
        """
        with self.opened(tmp_path) as storage:
            storage.transact(KEY, count)
            before = storage.read(KEY)
            with pytest.raises(ZeroDivisionError, match="a step"):
                storage.transact(KEY, fail)
            with pytest.raises(ZeroDivisionError, match="a step"):
                storage.transact(("other", "model"), fail)

            assert before == storage.read(KEY)
            assert {} == requests(storage.past("default", ""))
            assert ["default"] == storage.scopes()

    def test_a_blank_cell_is_not_stored(self, tmp_path: Path) -> None:
        """
        A step that leaves nothing behind leaves no cell, no scope.
        """
        with self.opened(tmp_path) as storage:
            storage.transact(KEY, lambda _: None)
            storage.transact(KEY, partial(state.roll, now=NOON))

            assert storage.read(KEY) is None
            assert {} == storage.load("default")
            assert [] == storage.scopes()

    def test_a_cell_that_became_blank_is_gone(self, tmp_path: Path) -> None:
        """
        It is not stored any longer.
        """
        with self.opened(tmp_path) as storage:
            storage.transact(KEY, count)
            storage.transact(KEY, lambda cell: cell.update(state.new_cell()))

            assert storage.read(KEY) is None
            assert {} == storage.load("default")

    def test_copies_are_handed_out(self, tmp_path: Path) -> None:
        """
        Who changes what `read` or `load` gave changes nothing else.
        """
        with self.opened(tmp_path) as storage:
            storage.transact(KEY, count)
            copies = [storage.read(KEY), storage.load("default")[KEY[1]]]
            for copy in copies:
                assert copy is not None
                copy["today"]["requests"] = 99
                copy["windows"]["rpd"] = [99.0, 99.0]

            assert 2 == storage.transact(KEY, count)
            assert copies[0] != storage.read(KEY)

    def test_every_field_comes_back(self, tmp_path: Path) -> None:
        """
        To the digit; also the difference between False, 0 and None.
        """
        full = full_cell()
        with self.opened(tmp_path) as storage:
            storage.transact(KEY, lambda cell: cell.update(state.clone(full)))
            found = [storage.read(KEY)]
        if self.persistent:
            with self.opened(tmp_path) as storage:
                found.append(storage.read(KEY))

        assert [full] * len(found) == found

    def test_the_scope_has_a_cell_of_its_own(self, tmp_path: Path) -> None:
        """
        Under the model name "", apart from the models' cells.
        """
        with self.opened(tmp_path) as storage:
            storage.transact(("default", ""), partial(state.touch, day="2026-11-22"))
            storage.transact(KEY, count)

            assert {"", KEY[1]} == storage.load("default").keys()
            assert not storage.transact(("default", ""), partial(state.touch, day="2026-11-22"))
            assert storage.transact(("default", ""), partial(state.touch, day="2026-11-23"))

    def test_odd_names(self, tmp_path: Path) -> None:
        """
        Any text may name a scope or a model; no two names are the same.
        """
        with self.opened(tmp_path) as storage:
            keys = [(scope, model) for scope in ODD_NAMES for model in (*ODD_NAMES[:4], scope)]
            for number, key in enumerate(dict.fromkeys(keys)):
                storage.transact(key, partial(count, more=number + 1))
        with self.opened(tmp_path) if self.persistent else _same(storage) as again:
            for number, key in enumerate(dict.fromkeys(keys)):
                cell = again.read(key)
                assert cell is not None, key
                assert number + 1 == cell["today"]["requests"], key
                assert cell == again.load(key[0])[key[1]]
            assert sorted(ODD_NAMES) == again.scopes()

    def test_scopes_are_sorted(self, tmp_path: Path) -> None:
        """
        Each is named once.
        """
        with self.opened(tmp_path) as storage:
            for scope in ("zoë", "b", "a", "b"):
                storage.transact((scope, "m"), count)
                storage.transact((scope, "n"), count)

            assert ["a", "b", "zoë"] == storage.scopes()

    # -- rows ---------------------------------------------------------------------------------

    def test_days_go_to_rows(self, tmp_path: Path) -> None:
        """
        What a step leaves in `past` is added to the rows, and taken out of the cell.
        """
        with self.opened(tmp_path) as storage:
            for back in (0, 1, 1, 3):
                storage.transact(KEY, partial(correct, day=iso(-back), requests=back + 1))
            storage.transact(("default", "n"), partial(correct, day=iso(-1), requests=7))
            storage.transact(("other", "m"), partial(correct, day=iso(-1), requests=8))
            cell = storage.read(KEY)

            assert cell is not None
            assert {} == cell["past"]
            assert {
                KEY[1]: {iso(0): 1, iso(-1): 4, iso(-3): 4},
                "n": {iso(-1): 7},
            } == requests(storage.past("default", ""))
            assert {KEY[1]: {iso(0): 1, iso(-1): 4}, "n": {iso(-1): 7}} == requests(
                storage.past("default", iso(-1))
            )
            assert {"m": {iso(-1): 8}} == requests(storage.past("other", ""))
            assert {} == storage.past("nobody", "")

    def test_midnight(self, tmp_path: Path) -> None:
        """
        By the library's own steps: the day's counts go to its row, the lifetime stays.
        """
        with self.opened(tmp_path) as storage:
            book(storage, KEY, NOON, tokens=10)
            book(storage, KEY, NOON + DAY, tokens=20)
            cell = storage.read(KEY)
            rows = storage.past("default", "")

        assert cell is not None
        assert (1, 20, 30) == (
            cell["today"]["requests"],
            cell["today"]["tokens"],
            cell["lifetime"]["tokens"],
        )
        assert {iso(0)} == rows[KEY[1]].keys()
        assert 10 == rows[KEY[1]][iso(0)]["tokens"]

    def test_copies_of_rows_are_handed_out(self, tmp_path: Path) -> None:
        """
        Who changes what `past` gave changes nothing else.
        """
        with self.opened(tmp_path) as storage:
            storage.transact(KEY, partial(correct, day=iso(-1), requests=1))
            storage.past("default", "")[KEY[1]][iso(-1)]["requests"] = 99

            assert {KEY[1]: {iso(-1): 1}} == requests(storage.past("default", ""))

    def test_62_days_at_least(self, tmp_path: Path) -> None:
        """
        So many past days are kept; of more, the newest.
        """
        days = [iso(-back) for back in range(70, 0, -1)]
        with self.opened(tmp_path) as storage:
            for day in days:
                storage.transact(KEY, partial(correct, day=day, requests=1))
            kept = sorted(storage.past("default", "")[KEY[1]])

        assert len(kept) >= 62
        assert days[-len(kept) :] == kept

    # -- moving -------------------------------------------------------------------------------

    def test_put_replaces(self, tmp_path: Path) -> None:
        """
        A cell and its rows are as they are put; keeping the values put is not needed.
        """
        with self.opened(tmp_path) as storage:
            storage.transact(KEY, partial(correct, day=iso(-2), requests=5))
            cell, rows = full_cell(), {iso(-1): state.new_counts()}
            rows[iso(-1)]["requests"] = 3
            storage.put(KEY, cell, rows)
            cell["today"]["requests"] = 99
            rows[iso(-1)]["requests"] = 99

            assert full_cell() == storage.read(KEY)
            assert {KEY[1]: {iso(-1): 3}} == requests(storage.past("default", ""))

    def test_moving_between_storages(self, tmp_path: Path) -> None:
        """
        There and back again, nothing is lost.
        """
        other = MemoryStorage()
        with self.opened(tmp_path) as storage:
            for scope in ("default", "ünï/code"):
                for model in ("m", "n/1"):
                    book(storage, (scope, model), NOON, tokens=5)
                    book(storage, (scope, model), NOON + DAY, tokens=6)
            move(storage, other)
            assert everything(storage) == everything(other)
            (tmp_path / "second").mkdir()
            with self.opened(tmp_path / "second") as second:
                move(other, second)
                assert everything(other) == everything(second)

    # -- the storage itself -------------------------------------------------------------------

    def test_tells_where_it_is(self, tmp_path: Path) -> None:
        """
        Its place is text with a scheme; its clock is no further off than a machine's may be.
        """
        with self.opened(tmp_path) as storage:
            assert "://" in storage.uri
            assert abs(storage.offset) < DAY

    def test_close_and_go_on(self, tmp_path: Path) -> None:
        """
        A closed storage opens again by itself; closing twice does no harm.
        """
        with self.opened(tmp_path) as storage:
            storage.transact(KEY, count)
            storage.close()
            storage.close()

            assert 2 == storage.transact(KEY, count)

    def test_close_before_use(self, tmp_path: Path) -> None:
        """
        There is nothing to close, and that is no error.
        """
        self.make(tmp_path).close()

    def test_two_storages_of_one_place(self, tmp_path: Path) -> None:
        """
        Each sees at once what the other did.
        """
        if not self.persistent:
            pytest.skip("each is a place of its own")
        with self.opened(tmp_path) as one, self.opened(tmp_path) as other:
            for number in range(1, 20, 2):
                assert number == one.transact(KEY, count)
                assert one.read(KEY) == other.read(KEY)
                assert number + 1 == other.transact(KEY, count)
                assert other.load("default") == one.load("default")


@contextmanager
def _same(storage: Storage) -> Iterator[Storage]:
    """
    The storage itself, where another would know nothing.
    """
    yield storage
