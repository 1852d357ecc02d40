from __future__ import annotations

import threading

from groq_quota.simulator import Ledger, Row


def row(number: int, status: int | None, **more: object) -> Row:
    """
    Return a row of the model m.
    """
    return Row(str(number), 0.0, "chat", "m", status, **more)  # type: ignore[arg-type]  # Any field.


def test_the_counts_sort_rows_by_what_became_of_them() -> None:
    """
    Each row is answered, lost, refused or failed; listing models is none of it.
    """
    ledger = Ledger()
    for number, status in enumerate([200, 200, None, 429, 413, 500, 503, 400]):
        ledger.add(row(number, status))
    ledger.add(Row("other", 0.0, "chat", "other", 200))
    ledger.add(Row("list", 0.0, "models", "", 200))

    assert (2, 1, 2, 3) == (
        ledger.answered("m"),
        ledger.lost("m"),
        ledger.refused("m"),
        ledger.failed("m"),
    )
    assert 3 == ledger.requests("m")
    assert (3, 4) == (ledger.answered(), ledger.requests())
    assert 10 == len(ledger)


def test_tokens_are_what_was_billed() -> None:
    """
    They add up over answered and lost rows, and can be told apart by delivery.
    """
    ledger = Ledger()
    ledger.add(row(1, 200, prompt_tokens=10, completion_tokens=5, charged=90, delivered=True))
    ledger.add(row(2, None, prompt_tokens=1, completion_tokens=2, charged=7))

    assert (18, 15, 3) == (
        ledger.tokens("m"),
        ledger.tokens("m", delivered=True),
        ledger.tokens("m", delivered=False),
    )
    assert 97 == ledger.charged()


def test_a_ledger_reads_like_a_list() -> None:
    """
    Rows come in order of arrival, whatever was changed since.
    """
    ledger = Ledger()
    for number in range(3):
        ledger.add(row(number, None))
    ledger.update("0", status=200)

    assert ["0", "1", "2"] == [each.request_id for each in ledger]
    assert (200, None) == (ledger[0].status, ledger[-1].status)
    assert 2 == len(ledger[1:])
    assert "Ledger(answered=1, lost=2, refused=0, failed=0, tokens=0)" == repr(ledger)


def test_what_was_cleared_stays_away() -> None:
    """
    A request that was under way when the ledger was cleared does not come back.
    """
    ledger = Ledger()
    ledger.add(row(1, None))
    ledger.clear()
    ledger.update("1", status=200)

    assert () == ledger.rows


def test_rows_are_read_while_others_are_written() -> None:
    """
    Threads that write and threads that count do not disturb each other.
    """
    ledger = Ledger()

    def write(thread: int) -> None:
        for number in range(200):
            request_id = f"{thread}-{number}"
            ledger.add(Row(request_id, 0.0, "chat", "m"))
            ledger.update(request_id, status=200, prompt_tokens=1)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert ledger.tokens() <= ledger.requests() == len(ledger[:]) or len(ledger) < 800
    for thread in threads:
        thread.join()

    assert (800, 800) == (ledger.answered(), ledger.tokens())
