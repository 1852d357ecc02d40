"""
Reading what Groq says: durations, headers and refusals of every form that was collected.

`data/groq-refusals.jsonl` holds the texts of public reports; `whole` is false where the reporter
cut or rewrote the text.
"""

from __future__ import annotations

import json
import logging
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from groq_quota.replies import (
    Observation,
    Refusal,
    parse_duration,
    read_headers,
    read_refusal,
    read_standing,
)
from groq_quota.windows import go_duration

DATA = Path(__file__).parent / "data" / "groq-refusals.jsonl"
LINES: list[dict[str, Any]] = [  # of mixed values, as JSON is
    json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()
]
KINDS = {"": "tpd", "ASPH": "ash", "ASPD": "asd"}
FREE_TAIL = (
    "Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing"
)
MINUTE = (
    "Rate limit reached for model `openai/gpt-oss-20b` in organization `org_x` service tier "
    "`on_demand` on tokens per minute (TPM): Limit 8000, Used 7990, Requested 1073. Please try "
    f"again in 7.9725s. {FREE_TAIL}"
)
READ_MINUTE = Refusal(
    model="openai/gpt-oss-20b",
    service_tier="on_demand",
    kind="tpm",
    limit=8000,
    used=7990,
    requested=1073,
    retry_after=7.9725,
    too_large=False,
)


def seconds(printed: str | None) -> float | None:
    """
    What a printed wait says, in decimal arithmetic.
    """
    if printed is None:
        return None
    units = {"h": Decimal(3600), "m": Decimal(60), "s": Decimal(1), "ms": Decimal("1e-3")}
    parts = re.findall(r"([0-9.]+)(ms|h|m|s)", printed)
    return float(sum(Decimal(amount) * units[unit] for amount, unit in parts))


def expected(line: dict[str, Any]) -> Refusal:
    """
    A line's own fields as the refusal they are to be read as.
    """
    short = re.sub(r".*\((\w+)\)", r"\1", line["kind"])
    return Refusal(
        model=line["model"],
        service_tier=line["service_tier"],
        kind=KINDS.get(short, short.lower()),
        limit=line["limit"],
        used=line["used"],
        requested=line["requested"],
        retry_after=seconds(line["try_again"]),
        too_large="Request too large" in line["text"],
    )


class TestRefusals:
    @pytest.mark.parametrize("line", LINES, ids=range(1, len(LINES) + 1))
    def test_collected(self, line: dict[str, Any]) -> None:
        """
        Every collected line is read as its reporter's fields say, cut ones too.
        """
        assert expected(line) == read_refusal(line["text"])

    @pytest.mark.parametrize("line", LINES, ids=range(1, len(LINES) + 1))
    def test_wrapped(self, line: dict[str, Any]) -> None:
        """
        The same is read from an error's body, and from the text of the SDK's exception.
        """
        error = {"message": line["text"], "type": "tokens", "code": "rate_limit_exceeded"}
        body = {"error": error}

        assert expected(line) == read_refusal(json.dumps(body))
        assert expected(line) == read_refusal(json.dumps(json.dumps(body)))
        assert expected(line) == read_refusal(f"Error code: 429 - {body}")

    @pytest.mark.parametrize("line", LINES, ids=range(1, len(LINES) + 1))
    def test_cut_anywhere(self, line: dict[str, Any]) -> None:
        """
        Wherever a message is cut, each value is read right or not at all.

        The one that may be wrong is the last number, if what is left of it explains the refusal.
        """
        right = expected(line)
        for end in range(len(line["text"])):
            cut = read_refusal(line["text"][:end])
            if cut is None:
                continue
            for name in ("model", "service_tier", "kind", "limit", "used", "retry_after"):
                assert getattr(cut, name) in {None, getattr(right, name)}
            if cut.requested is not None and cut.requested != right.requested:
                assert cut.limit is not None
                assert (cut.used or 0) + cut.requested > cut.limit
            assert right.too_large == cut.too_large

    @pytest.mark.parametrize("mark", ["…", "...", '"}', "'"])
    def test_cut_and_marked(self, mark: str) -> None:
        """
        A number before the mark of a cut may be half of one, so it is not read.
        """
        cut = MINUTE[: MINUTE.index("90, Req")]

        assert cut.endswith("Used 79")

        refusal = read_refusal(cut + mark)

        assert refusal is not None
        assert (8000, None, None) == (refusal.limit, refusal.used, refusal.requested)

    @pytest.mark.parametrize("mark", ["…", "...", "... on"])
    def test_cut_model(self, mark: str) -> None:
        """
        Half of a model's name is no model.
        """
        text = MINUTE.replace("gpt-oss-20b` in", f"gpt-oss{mark}")
        refusal = read_refusal(text)

        assert refusal is not None
        assert (None, "tpm") == (refusal.model, refusal.kind)

    def test_no_head(self) -> None:
        """
        Without its head, a refusal is too large if it does not say what is used.
        """
        tail = "on tokens per minute (TPM): Limit 6000, Requested 9000, please reduce"
        large, reached = read_refusal(tail), read_refusal(MINUTE[MINUTE.index("on tokens") :])

        assert Refusal(None, None, "tpm", 6000, None, 9000, None, too_large=True) == large
        assert Refusal(None, None, "tpm", 8000, 7990, 1073, 7.9725, too_large=False) == reached

    @pytest.mark.parametrize(
        ("words", "kind"),
        [
            ("requests per minute (RPM)", "rpm"),
            ("requests per day (RPD)", "rpd"),
            ("tokens per minute (TPM)", "tpm"),
            ("tokens per day (TPD)", "tpd"),
            ("input tokens per minute (ITPM)", "itpm"),
            ("output tokens per minute (OTPM)", "otpm"),
            ("seconds of audio per hour (ASPH)", "ash"),
            ("seconds of audio per day (ASPD)", "asd"),
            ("seconds of audio per day (ASD)", "asd"),
            ("seconds of audio per day", "asd"),
            ("output  tokens per minute", "otpm"),
            ("", "tpd"),
            ("requests per fortnight (RPF)", None),
        ],
    )
    @pytest.mark.parametrize(
        "rest",
        [
            "Limit 300, Used 280, Requested 30. Please try again in 2s.",
            "Limit 300, Requested 310, please reduce your message size and try again.",
        ],
    )
    def test_kinds(self, words: str, kind: str | None, rest: str) -> None:
        """
        Every kind of limit has its short name; of an unknown one the numbers are still read.
        """
        text = MINUTE.replace("tokens per minute (TPM)", words)
        refusal = read_refusal(text[: text.index("Limit")] + rest)

        assert refusal is not None
        assert (kind, 300) == (refusal.kind, refusal.limit)
        assert ("Used" in rest) == (refusal.used == 280)

    @pytest.mark.parametrize(
        "text",
        [
            MINUTE,
            MINUTE.replace("`", ""),
            MINUTE.replace("`", '"'),
            MINUTE.replace("`", "\\u0060"),
            MINUTE.replace(" ", "  "),
            MINUTE.replace(" ", "\n"),
            MINUTE.replace("Requested ", "Requested ~"),
            MINUTE.replace("8000", "8,000").replace("7990", "7,990").replace("1073", "1,073"),
            MINUTE.replace(", ", " · "),
            MINUTE.replace(FREE_TAIL, ""),
            MINUTE.replace("Rate limit", "rate limit").replace("Limit 8", "limit 8"),
            f"2026-08-24 10:00:00 WARN groq: {MINUTE} (attempt 2 of 3)",
            f"{'x' * 5000} on : {MINUTE}{'y' * 5000}",
        ],
    )
    def test_spelling(self, text: str) -> None:
        """
        Quotes, blanks, separators and surroundings do not matter.
        """
        assert READ_MINUTE == read_refusal(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "Internal Server Error",
            "Rate limit reached",
            "Rate limit reached for model `llama-3.1-8b-instant` in organization `org_x`",
            "Request too large",
            "the limit: 8000 characters, used 12",
            "`openai/gpt-oss-20b` is currently over capacity. Please try again and back off.",
            "Move on: limit 5",
            "Limit " + "9" * 5000,
            '{"error":{"message":"Invalid API Key","code":"invalid_api_key"}}',
        ],
    )
    def test_no_refusal(self, text: str) -> None:
        """
        A text that names no limit is no refusal.
        """
        assert read_refusal(text) is None

    def test_unreadable_is_noted_without_its_text(self, caplog: pytest.LogCaptureFixture) -> None:
        """
        What cannot be read is noted at debug level, and not quoted.
        """
        with caplog.at_level(logging.DEBUG, logger="groq_quota"):
            read_refusal("my secret question")

        assert ["A text of 18 characters names no limit that can be read."] == caplog.messages

    @given(st.text())
    @example("\\ud800")
    def test_any_text(self, text: str) -> None:
        """
        No text makes the reading fail, by itself or around a message.
        """
        read_refusal(text)
        read_refusal(MINUTE[:150] + text + MINUTE[150:])

        assert read_refusal(f"{MINUTE} {text}") is not None

    @given(
        st.integers(0, 10**12),
        st.integers(0, 10**12),
        st.integers(0, 10**12),
        st.integers(0, 10**15),
        st.sampled_from(["", ","]),
    )
    def test_any_numbers(
        self, limit: int, used: int, requested: int, nanos: int, form: str
    ) -> None:
        """
        Any numbers and any wait are read back as they were written.
        """
        text = (
            f"Rate limit reached for model `m` on : Limit {limit:{form}}, Used {used:{form}}, "
            f"Requested {requested:{form}}. Please try again in {go_duration(nanos / 1e9)}. Visit"
        )
        refusal = read_refusal(text)

        assert refusal is not None
        assert (limit, used, requested) == (refusal.limit, refusal.used, refusal.requested)
        assert refusal.retry_after == pytest.approx(nanos / 1e9, abs=2e-9, rel=1e-12)


class TestDurations:
    @pytest.mark.parametrize(
        ("text", "read"),
        [
            ("2h31m16.752s", 9076.752),
            ("1m26.4s", 86.4),
            ("11m0.528s", 660.528),
            ("1h0m0s", 3600.0),
            ("46m4.8s", 2764.8),
            ("7.66s", 7.66),
            ("2s", 2.0),
            ("0s", 0.0),
            ("585ms", 0.585),
            ("459.999999ms", 0.459999999),
            ("1.984999999s", 1.984999999),
            ("58m35.183999999s", 3515.183999999),
            ("370µs", 0.00037),
            ("370μs", 0.00037),
            ("370us", 0.00037),
            ("1.5µs", 0.0000015),
            ("12ns", 0.000000012),
            ("6m 11.52s", 371.52),
            ("999999h0m0.000000001s", 3599996400.000000001),
        ],
    )
    def test_read(self, text: str, read: float) -> None:
        """
        Groq's durations are read to the last digit.
        """
        assert read == parse_duration(text)

    @given(st.integers(0, 2**52))
    @example(86_400_000_000_000 - 1)
    def test_exact(self, nanos: int) -> None:
        """
        A whole number of nanoseconds comes back as the nearest float of its seconds.
        """
        minutes, rest = divmod(nanos, 60_000_000_000)
        hours, minutes = divmod(minutes, 60)
        wide = f"{hours}h{minutes}m{rest // 10**9}.{rest % 10**9:09}s"

        assert nanos / 1_000_000_000 == parse_duration(wide)
        assert nanos / 1_000_000_000 == parse_duration(wide.removeprefix("0h"))
        assert nanos / 1_000_000_000 == parse_duration(wide.removeprefix("0h").removeprefix("0m"))
        assert nanos / 1_000_000_000 == parse_duration(f"{nanos / 1_000_000:.6f}ms")

    @pytest.mark.parametrize(
        "text",
        [
            *("", "s", "ms", "m", "m5s", ".s", ".ms", "5", "5m", "1h", "7.66", "2 s extra", "-3s"),
            *("infs", "nans", "1e5s", "1_0s", "٣s", "1m2m3s", "1.5m2s", "5mms", "1s1m", "soon"),
            *("1..5s", "9" * 30 + "s", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ],
    )
    def test_unreadable(self, text: str) -> None:
        """
        Anything else is None, and so is a duration that lost its end.
        """
        assert parse_duration(text) is None

    @given(st.text() | st.text("0123456789.hmsµ -_e", max_size=25))
    def test_any_text(self, text: str) -> None:
        """
        No text makes it fail, and no duration is negative or endless.
        """
        read = parse_duration(text)

        assert read is None or 0 <= read < 1e13


CHAT = [
    (b"Date", b"Mon, 31 Aug 2026 10:00:00 GMT"),
    (b"Content-Type", b"application/json"),
    (b"x-groq-region", b"fra"),
    (b"x-ratelimit-limit-requests", b"1000"),
    (b"x-ratelimit-limit-tokens", b"8000"),
    (b"x-ratelimit-remaining-requests", b"999"),
    (b"x-ratelimit-remaining-tokens", b"7922"),
    (b"x-ratelimit-reset-requests", b"1m26.4s"),
    (b"x-ratelimit-reset-tokens", b"585ms"),
    (b"x-request-id", b"req_01"),
]
READ_CHAT = Observation(
    limits={"rpd": 1000, "tpm": 8000},
    remaining={"rpd": 999, "tpm": 7922},
    reset_after={"rpd": 86.4, "tpm": 0.585},
    retry_after=None,
)
NOTHING = Observation(limits={}, remaining={}, reset_after={}, retry_after=None)
RATE_HEADERS = [
    *(
        f"x-ratelimit-{what}-{unit}"
        for what in ("limit", "remaining", "reset")
        for unit in ("requests", "tokens", "audio-seconds")
    ),
    "retry-after",
]


class TestHeaders:
    def test_chat(self) -> None:
        """
        Requests are those of the day, tokens those of the minute.
        """
        assert READ_CHAT == read_headers(CHAT)

    def test_audio(self) -> None:
        """
        Whisper's audio seconds are those of the hour.
        """
        headers = {
            "x-ratelimit-limit-requests": "2000",
            "x-ratelimit-limit-audio-seconds": "7200",
            "x-ratelimit-remaining-audio-seconds": "7197.5",
            "x-ratelimit-reset-audio-seconds": "1s",
        }

        assert Observation(
            limits={"rpd": 2000, "ash": 7200},
            remaining={"ash": 7197.5},
            reset_after={"ash": 1.0},
            retry_after=None,
        ) == read_headers(headers)

    @pytest.mark.parametrize(
        ("value", "read"), [("32", 32.0), ("7.66", 7.66), ("0", 0.0), ("2s", 2.0)]
    )
    def test_retry_after(self, value: str, read: float) -> None:
        """
        The wait is in seconds, whole ones as far as was seen.
        """
        assert read == read_headers({"Retry-After": value}).retry_after

    @pytest.mark.parametrize("spell", [bytes.upper, bytes.lower, bytes.title, bytes.swapcase])
    def test_case(self, spell: Any) -> None:  # one of four unbound methods
        """
        Names are read in any case, from every form that a client has them in.
        """
        raw = [(spell(name), value) for name, value in CHAT]

        assert READ_CHAT == read_headers(raw)
        assert READ_CHAT == read_headers(iter(raw))
        assert READ_CHAT == read_headers(httpx.Headers(raw))
        assert READ_CHAT == read_headers(httpx.Headers(raw).raw)
        assert READ_CHAT == read_headers({k.decode(): v.decode() for k, v in raw})

    def test_none(self) -> None:
        """
        An answer without rate-limit headers says nothing.
        """
        assert NOTHING == read_headers([])
        assert NOTHING == read_headers({"x-ratelimit-limit-bananas": "12"})

    @pytest.mark.parametrize("name", RATE_HEADERS)
    @pytest.mark.parametrize(
        "value",
        ["", "many", "12K", "nan", "inf", "1e300", "9" * 5000, "-1h", "1.2.3", "\x80", "10, 10"],
    )
    def test_rubbish(self, name: str, value: str) -> None:
        """
        A value that cannot be read leaves out its header and no other.
        """
        headers = {name: value, "X-RateLimit-Limit-Tokens": "8000"}
        raw = [(key.encode(), text.encode("latin-1")) for key, text in headers.items()]

        assert Observation({"tpm": 8000}, {}, {}, None) == read_headers(headers)
        assert Observation({"tpm": 8000}, {}, {}, None) == read_headers(raw)

    def test_rubbish_is_noted_without_its_value(self, caplog: pytest.LogCaptureFixture) -> None:
        """
        A header that cannot be read is named at debug level.
        """
        with caplog.at_level(logging.DEBUG, logger="groq_quota"):
            read_headers({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"})

        assert [
            "The rate-limit header 'retry-after' has a value that cannot be read."
        ] == caplog.messages

    def test_below_zero(self) -> None:
        """
        An overdrawn bucket is believed, a negative limit or wait is not.
        """
        headers = {
            "x-ratelimit-limit-tokens": "-1",
            "x-ratelimit-remaining-tokens": "-43",
            "retry-after": "-2",
        }

        assert Observation({}, {"tpm": -43}, {}, None) == read_headers(headers)

    @given(st.lists(st.tuples(st.sampled_from(RATE_HEADERS) | st.text(), st.text())))
    def test_any_headers(self, pairs: list[tuple[str, str]]) -> None:
        """
        No header makes the reading fail; what is read is finite.
        """
        raw = [(n.encode("utf-8", "replace"), v.encode("utf-8", "replace")) for n, v in pairs]
        for observation in (read_headers(dict(pairs)), read_headers(raw)):
            for numbers in (observation.limits, observation.remaining, observation.reset_after):
                assert all(abs(number) < 1e16 for number in numbers.values())


def test_limits_alone_are_those_of_the_whole_observation() -> None:
    """
    The short way reads the same limits as the long one, rubbish left out.
    """
    headers = [
        (b"X-RateLimit-Limit-Requests", b"1000"),
        (b"x-ratelimit-limit-tokens", b"8000"),
        (b"x-ratelimit-limit-audio-seconds", b"many"),
        (b"x-ratelimit-remaining-tokens", b"7922"),
        (b"server", b"cloudflare"),
    ]

    limits, remaining = read_standing(headers)
    both = read_headers(headers)
    assert {"rpd": 1000, "tpm": 8000} == limits == both.limits
    assert remaining == both.remaining
