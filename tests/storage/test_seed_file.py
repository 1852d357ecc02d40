"""
The seed's own keys: taken over from files of the seed's system, and winning over ours.
"""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota import QuotaMeter, state
from groq_quota.learning import learn
from groq_quota.storage.json_file import JsonStorage
from groq_quota.testing import FakeClock
from tests.contract.steps import DAY, KEY, NOON, book, full_cell, iso, requests

if TYPE_CHECKING:
    from pathlib import Path

    from groq_quota.state import Cell

MODEL = KEY[1]


def seed(day: str = "2026-11-22", **more: Any) -> dict[str, Any]:
    """
    The document of the seed's page, with another date.
    """
    return {
        "last_reset_date": day,
        "daily_usage": {
            MODEL: {"requests": 150, "tokens": 45_000, "last_request": f"{day}T10:30:00"}
        },
        "total_lifetime": {"requests": 1_500, "tokens": 450_000, "days_active": 10},
        **more,
    }


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """
    Where the file is, or will be.
    """
    return tmp_path / "usage_data.json"


def written(place: Path, document: object) -> JsonStorage:
    """
    A storage over a file that somebody else wrote.
    """
    place.write_text(json.dumps(document, indent=2), "utf-8")
    return JsonStorage(place)


def edit(place: Path, **changes: Any) -> None:
    """
    Change the seed's keys in the file, as a person or another program does.
    """
    document = json.loads(place.read_text("utf-8"))
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(document.get(name), dict):
            document[name].update(value)
        else:
            document[name] = value
    place.write_text(json.dumps(document, indent=2, ensure_ascii=False), "utf-8")


def seed_keys(place: Path) -> dict[str, Any]:
    """
    The document as the seed's system sees it.
    """
    document = json.loads(place.read_text("utf-8"))
    assert [
        "last_reset_date",
        "daily_usage",
        "total_lifetime",
        "groq_quota",
    ] == [key for key in document if key not in {"note", "other"}]
    return {key: document[key] for key in document if key != "groq_quota"}


def cell_of(storage: JsonStorage, model: str = MODEL) -> Cell:
    """
    A cell that is there.
    """
    cell = storage.read(("default", model))
    assert cell is not None
    return cell


class TestTakenOver:
    def test_of_today(self, place: Path) -> None:
        """
        Day, lifetime and days active are there, and the next booking goes on from them.
        """
        storage = written(place, seed())

        assert (150, 45_000) == today(cell_of(storage))
        book(storage, KEY, NOON, tokens=100)

        assert {
            "last_reset_date": "2026-11-22",
            "daily_usage": {
                MODEL: {
                    "requests": 151,
                    "tokens": 45_100,
                    "last_request": "2026-11-22T12:00:00+00:00",
                }
            },
            "total_lifetime": {"requests": 1_501, "tokens": 450_100, "days_active": 10},
        } == seed_keys(place)

    def test_reading_writes_nothing(self, place: Path) -> None:
        """
        Looking at a file leaves it as it is, and makes no other.
        """
        storage = written(place, seed())
        before = place.read_bytes()
        storage.load("default")
        storage.read(KEY)
        storage.past("default", "")
        storage.scopes()

        assert before == place.read_bytes()
        assert [place] == list(place.parent.iterdir())

    def test_of_a_past_day(self, place: Path) -> None:
        """
        Its counts become that day's row with the next booking; the lifetime stays.
        """
        storage = written(place, seed("2026-11-20"))
        book(storage, KEY, NOON, tokens=100)

        assert {MODEL: {"2026-11-20": 150}} == requests(storage.past("default", ""))
        assert (1, 100) == today(cell_of(storage))
        assert {"requests": 1_501, "tokens": 450_100, "days_active": 10} == seed_keys(place)[
            "total_lifetime"
        ]

    def test_of_a_day_ahead(self, place: Path) -> None:
        """
        Where the seed's local day is a day ahead of UTC, counting goes on there.
        """
        storage = written(place, seed("2026-11-23"))
        book(storage, KEY, NOON, tokens=100)

        assert (151, 45_100) == today(cell_of(storage))
        assert "2026-11-23" == seed_keys(place)["last_reset_date"]
        assert {} == requests(storage.past("default", ""))

    def test_naive_times_are_local(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        As the seed's own code wrote them.
        """
        import time

        monkeypatch.setenv("TZ", "America/Bogota")
        time.tzset()
        try:
            cell = cell_of(written(place, seed()))
        finally:
            monkeypatch.undo()
            time.tzset()

        assert NOON + 3.5 * 3_600 == cell["last_request"]

    def test_active_days(self, place: Path) -> None:
        """
        The file's own day was counted by the seed's system; the next day counts again.
        """
        storage = written(place, seed())
        clock = FakeClock(NOON)
        meter = QuotaMeter(storage, clock=clock)
        meter.record(MODEL, 5)
        meter.record("another", 5)
        assert 10 == seed_keys(place)["total_lifetime"]["days_active"]

        clock.advance(DAY)
        meter.record(MODEL, 5)
        assert 11 == seed_keys(place)["total_lifetime"]["days_active"]

    def test_a_day_without_requests_was_not_active(self, place: Path) -> None:
        """
        The first request of a day that the seed's system had only begun makes it active.
        """
        storage = written(place, seed(daily_usage={}))
        QuotaMeter(storage, clock=FakeClock(NOON)).record(MODEL, 5)

        assert {"requests": 1_501, "tokens": 450_005, "days_active": 11} == seed_keys(place)[
            "total_lifetime"
        ]

    def test_models_of_any_case(self, place: Path) -> None:
        """
        The seed's code took names as they came; meters ask in lower case. Nothing is lost.
        """
        names = {"Meta-Llama/Guard": 2, " meta-llama/guard": 3}
        entries = {name: {"requests": count, "tokens": 0} for name, count in names.items()}
        storage = written(place, seed(daily_usage=entries))

        assert 5 == cell_of(storage, "meta-llama/guard")["today"]["requests"]

    def test_a_lifetime_below_the_day(self, place: Path) -> None:
        """
        Numbers that cannot all be true: the total is what the file says, nothing is negative.
        """
        storage = written(place, seed(total_lifetime={"requests": 100, "tokens": 0}))
        book(storage, KEY, NOON, tokens=1)

        total = seed_keys(place)["total_lifetime"]
        assert {"requests": 101, "tokens": 1, "days_active": 0} | total == total | {
            "requests": 101,
            "tokens": 1,
        }
        assert (151, 45_001) == today(cell_of(storage))

    @pytest.mark.parametrize(
        "document",
        [
            {},
            {"last_reset_date": "2026-11-22"},
            {"daily_usage": {}, "total_lifetime": {}},
            {"last_reset_date": None, "daily_usage": None, "total_lifetime": None},
        ],
    )
    def test_little_or_nothing(self, place: Path, document: object) -> None:
        """
        A file that says nothing is a fresh start.
        """
        storage = written(place, document)
        assert [] == storage.scopes()
        book(storage, KEY, NOON, tokens=1)

        assert 1 == seed_keys(place)["total_lifetime"]["requests"]

    def test_without_a_date(self, place: Path) -> None:
        """
        Counts that do not say their day are of the day that the file was written.
        """
        document = seed()
        del document["last_reset_date"]
        storage = written(place, document)
        import os

        os.utime(place, (NOON - DAY, NOON - DAY))
        book(storage, KEY, NOON, tokens=1)

        assert {MODEL: {iso(-1): 150}} == requests(storage.past("default", ""))


class TestRubbish:
    @pytest.mark.parametrize(
        ("broken", "named"),
        [
            ({"daily_usage": {MODEL: 7}}, f"daily_usage['{MODEL}']"),
            ({"daily_usage": {MODEL: {"requests": "many", "tokens": 5}}}, "requests"),
            ({"daily_usage": {MODEL: {"requests": -1, "tokens": 5}}}, "requests"),
            ({"daily_usage": {MODEL: {"requests": True, "tokens": 5}}}, "requests"),
            ({"daily_usage": {MODEL: {"requests": 1, "last_request": "noon"}}}, "last_request"),
            ({"daily_usage": {"": {"requests": 1, "tokens": 1}}}, "daily_usage['']"),
            ({"daily_usage": []}, "daily_usage"),
            ({"last_reset_date": "yesterday"}, "last_reset_date"),
            ({"total_lifetime": "all"}, "total_lifetime"),
            ({"total_lifetime": {"requests": None, "tokens": [], "days_active": 3}}, "tokens"),
            ({"groq_quota": 3}, "groq_quota"),
            ({"groq_quota": {"cells": 3, "days": 4}}, "cells, days"),
            ({"groq_quota": {"cells": {"default/x": 5}}}, "default/x"),
            ({"groq_quota": {"cells": {"default/x": {"day": "soon"}}}}, "default/x.day"),
            ({"groq_quota": {"cells": {"default/x": {"today": {"tokens": -1}}}}}, "tokens"),
            ({"groq_quota": {"days": {"default/x": {"soon": {}}}}}, "soon"),
            ({"groq_quota": {"cells": {"default/x": {"hours": {"24": [1, 2]}}}}}, "x.hours"),
            (
                {"groq_quota": {"cells": {"default/x": {"windows": {"rpm": [1e308, 0, 0]}}}}},
                "x.windows",
            ),
            ({"groq_quota": {"cells": {"default/x": {"epoch": 10**400}}}}, "x.epoch"),
            ({"groq_quota": {"cells": {"default/%FF": 5}}}, "default/%FF"),
        ],
    )
    def test_the_rest_is_kept(
        self, place: Path, caplog: pytest.LogCaptureFixture, broken: dict[str, Any], named: str
    ) -> None:
        """
        What cannot be read is named in one warning; all else is taken over.
        """
        document = seed(other={"kept": [1]})
        document["daily_usage"]["fine"] = {"requests": 4, "tokens": 5}
        for key, value in broken.items():
            if isinstance(value, dict) and key in document:
                document[key] |= value
            else:
                document[key] = value
        storage = written(place, document)
        with caplog.at_level(logging.WARNING, "groq_quota"):
            storage.load("default")
            storage.load("default")
            book(storage, ("default", "mine"), NOON, tokens=1)

        assert 1 == len(caplog.records)
        assert named in caplog.text
        assert str(place) in caplog.text
        assert {"kept": [1]} == seed_keys(place)["other"]
        if "daily_usage" not in broken or broken["daily_usage"]:
            assert 4 == cell_of(storage, "fine")["today"]["requests"]

    def test_an_unreadable_entry_stays_in_the_file(self, place: Path) -> None:
        """
        Until its model is counted, or its day is over.
        """
        storage = written(place, seed(daily_usage={"odd": "x", "other": ["y"]}))
        book(storage, KEY, NOON, tokens=1)
        daily = seed_keys(place)["daily_usage"]
        assert {"odd": "x", "other": ["y"]} == {name: daily[name] for name in ("odd", "other")}

        book(storage, ("default", "odd"), NOON, tokens=1)
        daily = seed_keys(place)["daily_usage"]
        assert 1 == daily["odd"]["requests"]

        book(storage, KEY, NOON + DAY, tokens=1)
        assert {MODEL} == seed_keys(place)["daily_usage"].keys()

    def test_an_unreadable_cell_stays_in_the_file(self, place: Path) -> None:
        """
        Until its model is counted.
        """
        ours = {"cells": {"default/odd": "x"}, "of a later version": [1]}
        storage = written(place, seed(groq_quota=ours))
        book(storage, KEY, NOON, tokens=1)
        kept = json.loads(place.read_bytes())["groq_quota"]
        assert "x" == kept["cells"]["default/odd"]
        assert [1] == kept["of a later version"]

        book(storage, ("default", "odd"), NOON, tokens=1)
        storage = JsonStorage(place)
        assert 1 == cell_of(storage, "odd")["today"]["requests"]

    def test_unknown_fields_stay(self, place: Path) -> None:
        """
        At the top, in entries of the day, in the totals, and in cells.
        """
        document = seed(note="mine", other=[{"ünï": None}])
        document["daily_usage"][MODEL]["cost"] = 0.5
        document["total_lifetime"]["since"] = "2025-09-12"
        storage = written(place, document)
        book(storage, KEY, NOON, tokens=1)
        edit(place, groq_quota={"cells": {f"default/{MODEL}": {"later": 7}}})
        book(storage, KEY, NOON, tokens=1)
        kept = seed_keys(place)

        assert ("mine", [{"ünï": None}]) == (kept["note"], kept["other"])
        assert 0.5 == kept["daily_usage"][MODEL]["cost"]
        assert "2025-09-12" == kept["total_lifetime"]["since"]
        assert (
            7 == json.loads(place.read_bytes())["groq_quota"]["cells"][f"default/{MODEL}"]["later"]
        )


class TestEdits:
    @pytest.fixture
    def storage(self, place: Path) -> JsonStorage:
        """
        A storage at work, whose document is then changed by others.
        """
        storage = written(place, seed())
        book(storage, KEY, NOON, tokens=100)
        book(storage, ("default", "second"), NOON, tokens=10)
        book(storage, ("elsewhere", "third"), NOON, tokens=10)
        storage.transact(KEY, partial(learn, at=NOON, limits={"rpd": 9}))
        return storage

    def test_counts_of_the_day(self, place: Path, storage: JsonStorage) -> None:
        """
        Seen at once, by `read` and by the next booking; all that is ours stays.
        """
        edit(place, daily_usage={MODEL: {"requests": 7, "tokens": 70}})

        assert (7, 70) == today(cell_of(storage))
        book(storage, KEY, NOON, tokens=1)
        assert (8, 71) == today(cell_of(storage))
        assert [9, NOON, "headers"] == cell_of(storage)["learned"]["rpd"]
        assert 1_503 == seed_keys(place)["total_lifetime"]["requests"]

    def test_the_lifetime(self, place: Path, storage: JsonStorage) -> None:
        """
        Up or down, the total is what the file says.
        """
        for total in (5_000, 3, 0, 40):
            edit(place, total_lifetime={"requests": total, "tokens": total})
            book(storage, KEY, NOON, tokens=1)

            assert total + 1 == seed_keys(place)["total_lifetime"]["requests"]
            assert total + 1 == seed_keys(place)["total_lifetime"]["tokens"]
            for cell in storage.load("default").values():
                assert min(cell["lifetime"]["requests"], cell["lifetime"]["tokens"]) >= 0

    def test_days_active(self, place: Path, storage: JsonStorage) -> None:
        """
        Counting goes on from what the file says.
        """
        edit(place, total_lifetime={"days_active": 40})
        clock = FakeClock(NOON + DAY)
        QuotaMeter(storage, clock=clock).record(MODEL, 1)

        assert 41 == seed_keys(place)["total_lifetime"]["days_active"]

    def test_a_new_entry(self, place: Path, storage: JsonStorage) -> None:
        """
        A model that another program counted.
        """
        edit(place, daily_usage={"new": {"requests": 3, "tokens": 4}})

        assert (3, 4) == today(cell_of(storage, "new"))

    def test_an_emptied_day(self, place: Path, storage: JsonStorage) -> None:
        """
        The day began anew, as by the seed's `force_reset`; what was counted is in the history.
        """
        edit(place, daily_usage=None)
        edit(place, daily_usage={})
        book(storage, KEY, NOON, tokens=1)

        assert (1, 1) == today(cell_of(storage))
        assert (0, 0) == today(cell_of(storage, "second"))
        assert {MODEL: {iso(0): 151}, "second": {iso(0): 1}} == requests(
            storage.past("default", "")
        )
        assert 1_503 == seed_keys(place)["total_lifetime"]["requests"]

    def test_a_date_in_the_past(self, place: Path, storage: JsonStorage) -> None:
        """
        The day's counts are of that day; the next booking begins a new one.
        """
        edit(place, last_reset_date=iso(-3))
        book(storage, KEY, NOON, tokens=1)

        assert (1, 1) == today(cell_of(storage))
        assert {iso(-3): 151} == requests(storage.past("default", ""))[MODEL]

    def test_the_old_tracker_on_the_same_file(self, place: Path, storage: JsonStorage) -> None:
        """
        A program of the seed's system that rewrites the document it once read: counts add up.
        """
        old = json.loads(place.read_bytes())
        for number in range(1, 4):
            old["daily_usage"][MODEL]["requests"] += 1
            old["daily_usage"][MODEL]["tokens"] += 10
            old["total_lifetime"]["requests"] += 1
            old["total_lifetime"]["tokens"] += 10
            place.write_text(json.dumps(old, indent=2), "utf-8")
            assert (151 + number, 45_100 + 10 * number) == today(cell_of(storage))
        book(storage, KEY, NOON, tokens=1)

        assert (155, 45_131) == today(cell_of(storage))
        assert 155 == cell_of(storage)["lifetime"]["requests"]
        assert {"requests": 1_506, "tokens": 450_141, "days_active": 10} == seed_keys(place)[
            "total_lifetime"
        ]

    def test_the_old_tracker_begins_a_day(self, place: Path, storage: JsonStorage) -> None:
        """
        What we had counted goes to the row of the day before.
        """
        old = json.loads(place.read_bytes())
        old["last_reset_date"] = iso(1)
        old["daily_usage"] = {MODEL: {"requests": 1, "tokens": 9}}
        old["total_lifetime"]["requests"] += 1
        place.write_text(json.dumps(old), "utf-8")
        book(storage, KEY, NOON + DAY, tokens=1)
        book(storage, ("default", "second"), NOON + DAY, tokens=1)

        assert (2, 10) == today(cell_of(storage))
        assert {MODEL: {iso(0): 151}, "second": {iso(0): 1}} == requests(
            storage.past("default", "")
        )

    def test_formatting_is_no_change(self, place: Path, storage: JsonStorage) -> None:
        """
        A document in another layout and order says the same.
        """
        before = storage.load("default")
        document = json.loads(place.read_bytes())
        place.write_text(json.dumps(dict(reversed(document.items()))), "utf-8-sig")

        assert before == storage.load("default")

    def test_other_scopes_are_not_in_the_seeds_keys(
        self, place: Path, storage: JsonStorage
    ) -> None:
        """
        They have their cells, and nothing else.
        """
        assert "third" not in seed_keys(place)["daily_usage"]
        assert (
            1
            == json.loads(place.read_bytes())["groq_quota"]["cells"]["elsewhere/third"]["today"][
                "requests"
            ]
        )


def today(cell: Cell) -> tuple[int, int]:
    """
    The requests and tokens of a cell's day.
    """
    return cell["today"]["requests"], cell["today"]["tokens"]


def test_what_the_days_show(place: Path) -> None:
    """
    Models of the newest day that have requests or tokens, and no others.
    """
    storage = JsonStorage(place)
    book(storage, ("default", "yesterday"), NOON - DAY, tokens=1)
    book(storage, ("default", "today"), NOON, tokens=1)
    storage.transact(("default", "blocked"), partial(_only, "blocked"))
    storage.transact(("default", ""), partial(state.touch, day=iso(0)))

    assert {"today"} == seed_keys(place)["daily_usage"].keys()
    assert {"requests": 2, "tokens": 2, "days_active": 1} == seed_keys(place)["total_lifetime"]


def _only(name: str, cell: Cell) -> None:
    state.roll(cell, NOON)
    cell["today"] = {**cell["today"], name: 1}  # type: ignore[misc]  # one of its names


def test_a_clock_that_was_set_wrong(place: Path) -> None:
    """
    After a day far ahead the seed's keys come back to the present.
    """
    storage = JsonStorage(place)
    book(storage, ("default", "other"), NOON + 400 * DAY, tokens=1)
    book(storage, KEY, NOON + 400 * DAY, tokens=1)
    book(storage, KEY, NOON, tokens=1)

    assert iso(0) == seed_keys(place)["last_reset_date"]
    assert {MODEL} == seed_keys(place)["daily_usage"].keys()
    assert 3 == seed_keys(place)["total_lifetime"]["requests"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["default", "other"]),
            st.sampled_from(["", "m", "n/1", "ö"]),
            st.integers(-3, 3),
            st.sampled_from(["book", "touch", "reset", "learn", "full"]),
        ),
        max_size=12,
    )
)
def test_reading_what_we_wrote_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, work: list[tuple[str, str, int, str]]
) -> None:
    """
    Whatever was done: a storage that reads the file knows what the one knows that wrote it.
    """
    place = tmp_path_factory.mktemp("same") / "usage_data.json"
    storage = JsonStorage(place)
    newest = max((days for *_, days, _ in work), default=0)
    for scope, model, days, what in work:
        key, now = (scope, model), NOON + days * DAY
        if what == "book" and model:
            book(storage, key, max(now, NOON + (newest - 1) * DAY), tokens=days + 5)
        elif what == "touch":
            storage.transact((scope, ""), partial(state.touch, day=iso(days)))
        elif what == "reset" and model:
            storage.transact(key, partial(state.reset, now=NOON + newest * DAY))
        elif what == "learn":
            storage.transact(key, partial(learn, at=1.5, limits={"tpm": 6_000}))
        elif scope == "other":
            full = full_cell()
            full["hold"] = {"tpd": [1.0, 200_000, 199_990, 50]}  # long over, so it may be booked
            storage.put(key, full, {iso(-9): state.new_counts()})
    again = JsonStorage(place)

    assert storage.scopes() == again.scopes()
    for scope in storage.scopes():
        assert storage.load(scope) == again.load(scope)
        assert storage.past(scope, "") == again.past(scope, "")
