"""
The texts of the command line in English.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ENGLISH"]

#: A text that counts has a second one for one: its name ends in `_1`.
ENGLISH: Final = {
    # numbers and times
    "months": "January February March April May June July August September October November "
    "December",
    "day": "{day} {month} {year}",
    # states and limits
    "normal": "normal",
    "warning": "warning",
    "critical": "critical",
    "limit_reached": "limit reached",
    "requests": "requests",
    "tokens": "tokens",
    "input_tokens": "input tok.",
    "output_tokens": "output tok.",
    "audio_seconds": "audio s",
    "per_60": "{metric}/min",
    "per_3600": "{metric}/hour",
    "per_86400": "{metric}/day",
    "unlimited": "no limit",
    "resets_in": "resets in {duration}",
    "free_in": "free in {duration}",
    "note_reserved": "in flight: {requests}, {tokens}",
    "note_blocked": "{number} stopped before sending",
    "note_blocked_1": "{number} stopped before sending",
    "note_fallbacks": "{number} sent to another model",
    "note_fallbacks_1": "{number} sent to another model",
    "note_refused": "{number} refused by Groq",
    "note_refused_1": "{number} refused by Groq",
    "note_failed": "{number} failed",
    "note_failed_1": "{number} failed",
    "note_waited": "waited {duration}",
    "note_estimated": "estimated audio: {duration}",
    "note_others": "others of the organization: {amounts}",
    "count_requests": "{number} requests",
    "count_requests_1": "{number} request",
    "count_tokens": "{number} tokens",
    "count_tokens_1": "{number} token",
    "count_days": "{number} days",
    "count_days_1": "{number} day",
    # status
    "status_title": "groq-quota {middle} {day}, UTC",
    "status_reset": "resets in {duration}, at midnight UTC",
    "status_scope": "scope {scope} in {place}",
    "status_empty": "Nothing was counted today in {place}.",
    "status_empty_scope": "Nothing was counted today for the scope {scope} in {place}.",
    "status_hint": "All known models with their limits: groq-quota status --all",
    "status_today": "Today   {requests}, {tokens}",
    "status_lifetime": "In all  {requests}, {tokens} on {days}",
    # tables
    "col_day": "day",
    "col_requests": "requests",
    "col_tokens": "tokens",
    "col_blocked": "stopped",
    "col_refused": "refused",
    "col_failed": "failed",
    # status --watch
    "watch_hint": "read every {interval}; Ctrl-C ends it",
    # limits
    "plan_chosen": "Plan: {plan}, as it was set",
    "plan_recognised": "Plan: {plan}, recognised by Groq's answers",
    "plan_unknown": "Plan: not known. Limits per minute and hour are assumed until an answer "
    "confirms them.",
    "limits_title": "Limits",
    "limits_shutdown": "shut down by Groq on {day}",
    "limits_none": "no limit is known",
    "enforced": "enforced",
    "assumed": "assumed",
    "origin_user": "set by you",
    "origin_learned": "learned on {day}",
    "origin_plan": "the plan's, as of {day}",
    "origin_table": "table of {day}",
    "origin_default": "unlisted model, {day}",
    "origin_undated": "the plan's",
    # history
    "history_title": "The last {days}, UTC",
    "history_title_1": "Today, UTC",
    # reset
    "reset_ask": "Start today's count of {model} anew ({requests}, {tokens}) in {place}? [y/N] ",
    "reset_ask_all": "Start today's count of all models anew ({requests}, {tokens}) in {place}? "
    "[y/N] ",
    "reset_yes": "y yes",
    "reset_kept": "Nothing was changed.",
    "reset_done": "Moved to the history: {requests}, {tokens}. The lifetime is kept.",
    "reset_unattended": "reset asks before it does anything, and nobody can answer here: say --yes",
    # simulate
    "simulate_up": "A simulated Groq answers. Point any program at it:",
    "simulate_end": "Ctrl-C ends it.",
    "simulate_done": "Answered {answered}, refused {refused}; {tokens} billed.",
    "port_taken": "nothing can listen on {host}:{port}: {reason}",
    "bad_limit": "--limit {given!r}: write MODEL:rpm=30,tpm=8000, with names out of {known} and "
    "whole numbers above 0",
    "bad_fault": "--fault {given!r}: write a status from 400 to 599, drop, stall, error, delay=2, "
    "gap=0.1 or no-usage, with x3 or xall behind it for more than one request",
    # migrate
    "migrate_done": "Moved {scopes}, {models} and {days} of the past: {requests} and {tokens} in "
    "all. The totals agree.",
    "migrate_dropped": "{days} of the past were not moved: {target} keeps fewer.",
    "migrate_dropped_1": "{days} of the past was not moved: {target} keeps fewer.",
    "count_scopes": "{number} scopes",
    "count_scopes_1": "{number} scope",
    "count_models": "{number} models",
    "count_models_1": "{number} model",
    # demo
    "demo_title": "groq-quota demo {middle} the real Groq SDK against a simulated Groq",
    "demo_server": "server",
    "demo_counts": "counts",
    "demo_limits": "limits",
    "demo_limit_text": "{requests} and {tokens} a day, for this demo",
    "demo_call": "call {number}",
    "kind_plain": "plain",
    "kind_stream": "stream",
    "kind_async": "async",
    "demo_stopped": "Then {number} more calls, plain, streaming and async: all stopped here.",
    "demo_raised": "raised",
    "demo_sent": "sent",
    "demo_sent_text": "{number} HTTP requests",
    "demo_sent_text_1": "{number} HTTP request",
    "demo_message": "message",
    "demo_free": "free in",
    "demo_compare": "Do the server's ledger and our counts agree?",
    "demo_ledger": "ledger",
    "demo_ours": "groq-quota",
    "demo_requests": "requests answered",
    "demo_tokens": "tokens billed",
    "demo_refused": "refused by the server (429)",
    "demo_open": "still under way",
    "demo_agree": "They agree.",
    "demo_differ": "They differ.",
    "demo_yours": "In your program:  import groq_quota; groq_quota.install()",
    "demo_question_0": "What is a quota?",
    "demo_question_1": "How many requests are left for today, and when does the day begin anew?",
    "demo_question_2": "Explain rate limits in one sentence.",
    "demo_question_3": "Which is longer, a minute or a thousand tokens?",
    "demo_answer": "This answer was made up by the simulator: no model was asked, and no key was "
    "needed.",
    # help
    "usage": "Usage:",
    "meta_uri": "URI",
    "meta_name": "NAME",
    "meta_number": "NUMBER",
    "meta_seconds": "SECONDS",
    "meta_model": "MODEL",
    "meta_from": "FROM",
    "meta_to": "TO",
    "meta_limit": "MODEL:LIMITS",
    "meta_fault": "FAULT",
    "meta_text": "TEXT",
    "meta_lang": "en|es",
    "group_usage": "[--version] COMMAND [OPTIONS]",
    "command_usage": "[OPTIONS]",
    "arguments": "Arguments",
    "options": "Options",
    "commands": "Commands",
    "help_group": "What is left of your Groq quota, from the shell.",
    "help_status": "Show the models that were used today: state, requests and tokens against "
    "their limits, and the time until the reset. Nothing is sent or written.",
    "help_status_short": "show what was used today, and what is left",
    "help_demo": "Send real Groq SDK calls to a simulated Groq up to the daily limit and beyond, "
    "and compare the server's ledger with our counts. It takes about ten seconds, needs no key "
    "and leaves nothing behind.",
    "help_demo_short": "see the guard at work, without a key",
    "help_dashboard": "Open the dashboard in a browser: the same counts with bars, history and "
    "limits, refreshed every five seconds. It is served to this machine only, until Ctrl+C. With "
    "GROQ_QUOTA_ADMIN_PASSWORD set, whoever gives it may reset counts and change limits.",
    "help_dashboard_short": "show the counts in a browser",
    "help_watch": "keep it on the screen, read anew again and again, until Ctrl-C",
    "help_interval": "seconds between two readings with --watch (default: 2)",
    "help_check": "Say whether a request to a model would be let through now. Nothing is sent or "
    "written. The exit code is 0 for yes and 1 for no.",
    "help_check_short": "may a request be sent now? exit code 0 or 1",
    "help_model": "the model, as Groq names it",
    "help_model_optional": "only this model",
    "help_tokens": "the tokens that the request would take (default: 0)",
    "help_limits": "Show which limits hold for the models, where each comes from, and whether it "
    "is enforced or only assumed.",
    "help_limits_short": "show the limits, with origin and date",
    "help_history": "Show requests and tokens of the last days, today last.",
    "help_history_short": "show the last days",
    "help_days": "how many days, today included (default: 7)",
    "help_reset": "Start the day's count anew, of one model or of all. It asks first. The counts "
    "move to the history, and the lifetime is kept.",
    "help_reset_short": "start the day's count anew",
    "help_yes": "do not ask",
    "help_simulate": "Serve a look-alike of Groq on this machine, with limits, headers, refusals "
    "and faults, until Ctrl-C. It answers with made-up text, and any key will do.",
    "help_simulate_short": "serve a simulated Groq to point any program at",
    "help_host": "the address to listen on (default: 127.0.0.1)",
    "help_simulate_port": "the port, 0 for any that is free (default: 8000)",
    "help_limit": "limits of a model, as in my-model:rpm=30,tpm=8000; other models then have none; "
    "may be repeated (default: Groq's free plan)",
    "help_fault": "what goes wrong with the next request: a status such as 429 or 500, drop, "
    "drop=3 (after 3 chunks), stall, error=2 (a stream's), delay=2, gap=0.1 (between chunks) or "
    "no-usage; x3 or xall behind it for more requests, as in 500x3; may be repeated",
    "help_latency": "seconds that each request takes to the limiter (default: 0)",
    "help_processing": "seconds that each answer takes (default: 0)",
    "help_answer": "what is answered (default: made-up text)",
    "help_refund": "give unused max_tokens back after the answer",
    "help_strict": "answer 404 for models without limits",
    "help_migrate": "Move all counts, of all scopes and days, from one storage to another, and "
    "check the totals. Stop the programs that count there first. The source stays as it is.",
    "help_migrate_short": "move all counts to another storage",
    "help_from": "where the counts are: a file's path or a URI",
    "help_to": "where they go: an empty storage",
    "help_force": "also into a storage that is not empty: what is there of the same scope and "
    "model is replaced",
    "help_install_completion": "let the shell complete commands, options and models",
    "help_show_completion": "print what that adds to the shell's settings",
    "help_storage": "where the counts are: a file's path or a URI (default: GROQ_QUOTA_STORAGE, "
    "else usage_data.json)",
    "help_scope": "whose quota (default: default)",
    "help_lang": "the language (default: GROQ_QUOTA_LANG, else the locale, else en)",
    "help_json": "print JSON",
    "help_all": "show every known model, not only those used today",
    "help_fast": "without the pauses of a real server",
    "help_port": "the port to serve at (default: 8501)",
    "help_no_browser": "do not open a browser",
    "help_version": "print the version",
    "help_help": "print this help",
    "exit_codes": "Exit codes\n"
    "0 all went well\n"
    "1 the answer is no: a limit is reached, or counts differ\n"
    "2 the command line, a setting or a missing extra\n"
    "3 the storage cannot be read or written",
    # what goes wrong
    "failed": "{reason}",
    "no_extra": '{package} is missing: pip install "groq-quota[{extra}]"',
    "no_such_command": "there is no command {given!r}; known are {known}",
    "no_such_option": "there is no option {option}; --help shows those there are",
    "bad_option": "the option {option} is not used right; --help shows how",
    "bad_value": "the value of {option} does not fit; --help shows what it takes",
    "bad_number": "{option}: a number is needed, {least} or more, not {given!r}",
    "bad_whole": "{option}: a whole number is needed, {least} or more, not {given!r}",
    "too_many": "{given!r} is too much; --help shows what the command takes",
    "missing_argument": "{missing} is missing; --help shows what the command takes",
    "bad_language": "--lang: unknown language {given!r}; known are {known}",
    "demo_disabled": "GROQ_QUOTA_DISABLED is set, so there is nothing to see: unset it for "
    "the demo",
    "interrupted": "interrupted",
}
