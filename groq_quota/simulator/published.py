"""
Groq's published free plan, as the limits of a simulator that is given none.
"""

from __future__ import annotations

_CHAT = {"rpm": 30, "rpd": 1_000, "tpm": 8_000, "tpd": 200_000}
_GUARD = {"rpm": 30, "rpd": 14_400, "tpm": 15_000, "tpd": 500_000}
_SPEECH = {"rpm": 10, "rpd": 100, "tpm": 1_200, "tpd": 3_600}
_AUDIO = {"rpm": 20, "rpd": 2_000, "ash": 7_200, "asd": 28_800}

# console.groq.com/docs/rate-limits as of 2026-10-01.
FREE_PLAN: dict[str, dict[str, int]] = {
    "canopylabs/orpheus-arabic-saudi": _SPEECH,
    "canopylabs/orpheus-v1-english": _SPEECH,
    "meta-llama/llama-prompt-guard-2-22m": _GUARD,
    "meta-llama/llama-prompt-guard-2-86m": _GUARD,
    "openai/gpt-oss-120b": _CHAT,
    "openai/gpt-oss-20b": _CHAT,
    "openai/gpt-oss-safeguard-20b": _CHAT,
    "qwen/qwen3.8-27b": _CHAT,
    "whisper-large-v3": _AUDIO,
    "whisper-large-v3-turbo": _AUDIO,
}
