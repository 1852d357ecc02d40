from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import groq_quota
from groq_quota import QuotaMeter

from .driver import MODEL
from .judge import agrees

if TYPE_CHECKING:
    from groq_quota.simulator import Simulator


def test_groq_is_patched_when_it_is_imported() -> None:
    """
    install() imports no SDK; one that is imported later is guarded from its first call.
    """
    _python(
        """
        import sys, groq_quota
        meter = groq_quota.install(groq_quota.QuotaMeter("memory://"))
        assert not {"groq", "httpx", "pydantic"} & set(sys.modules)
        groq_quota.install()
        import groq, httpx
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "m",
                  "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4,
                                           "total_tokens": 7}}
        canned = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
        client = groq.Groq(api_key="any", http_client=httpx.Client(transport=canned))
        body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
        client.chat.completions.create(**body)
        client.post("/openai/v1/chat/completions", body=body, cast_to=object)
        usage = meter.usage("m")
        assert (2, 14, 0) == (usage.requests, usage.tokens, usage.reserved), usage
        """
    )


def test_uninstalled_before_groq_is_imported() -> None:
    """
    Then groq is imported as Groq made it.
    """
    _python(
        """
        import groq_quota
        groq_quota.install(groq_quota.QuotaMeter("memory://"))
        groq_quota.uninstall()
        import groq, inspect
        from groq.resources.chat import completions
        assert "request" not in vars(groq.Groq)
        assert inspect.isfunction(vars(completions.Completions)["create"])
        """
    )


def test_installed_while_another_thread_imports_groq(tmp_path: Path) -> None:
    """
    An SDK that is half imported is patched when it is whole.
    """
    # The SDK imports distro; this one takes until it is told.
    (tmp_path / "distro.py").write_text("import __main__ as m; m.started.set(); m.go.wait(20)")
    _python(
        f"""
        import sys, threading
        import groq_quota.sdk.net, groq_quota.sdk.front
        started, go = threading.Event(), threading.Event()
        sys.path.insert(0, {str(tmp_path)!r})

        def install():
            groq_quota.install(groq_quota.QuotaMeter("memory://"))
            done.set()

        done = threading.Event()
        importer = threading.Thread(target=lambda: __import__("groq"))
        importer.start()
        assert started.wait(20)
        installer = threading.Thread(target=install)
        installer.start()
        done.wait(0.3)
        go.set()
        importer.join()
        installer.join()
        import groq
        assert "request" in vars(groq.Groq)
        """
    )


def test_what_is_open_at_exit_is_written(tmp_path: Path, server: Simulator) -> None:
    """
    A stream that is open when the program ends is counted, whoever used finalizers before us.
    """
    _python(
        f"""
        import weakref
        class Thing: pass
        thing = Thing()
        weakref.finalize(thing, print)
        import groq_quota, groq
        meter = groq_quota.install(groq_quota.QuotaMeter({str(tmp_path / "u.json")!r}))
        client = groq.Groq(base_url={server.base_url!r}, api_key="any")
        stream = client.chat.completions.create(
            model={MODEL!r}, messages=[{{"role": "user", "content": "x"}}], stream=True,
            max_tokens=30)
        """
    )

    agrees(QuotaMeter(tmp_path / "u.json"), server, unread=True)
    assert server.ledger.answered() == 1


def _python(program: str) -> None:
    root = Path(groq_quota.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        check=False,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(root), "PATH": ""},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
