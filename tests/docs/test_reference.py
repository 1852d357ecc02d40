from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import groq_quota
from tests.docs.pages import NEEDED, ROOT, pages

if TYPE_CHECKING:
    from types import ModuleType

_PACKAGES = ("groq_quota", *NEEDED)


def page(name: str) -> str:
    """
    A page of the reference.
    """
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def loaded(name: str) -> ModuleType:
    """
    A package, if what it needs is installed.
    """
    if name in NEEDED:
        pytest.importorskip(NEEDED[name])
    return importlib.import_module(name)


@pytest.mark.parametrize("package", _PACKAGES)
def test_every_public_name_is_in_the_reference(package: str) -> None:
    """
    What a package's `__all__` names is on the page of the Python API, and nothing else.
    """
    directives = re.findall(r"^\.\. auto\w+:: (\w+)\.([\w.]+)$", page("api.md"), re.MULTILINE)
    written = {name for home, name in directives if home == package and "." not in name}

    assert set(loaded(package).__all__) == written


@pytest.mark.parametrize("package", _PACKAGES)
def test_every_public_name_has_its_docstring(package: str) -> None:
    """
    So have the public methods and properties of public classes.
    """
    module = loaded(package)
    silent = []
    for name in module.__all__:
        thing = getattr(module, name)
        if not inspect.getdoc(thing if callable(thing) else type(thing)):
            silent.append(name)
        for method, found in _methods(thing):
            if not inspect.getdoc(found):
                silent.append(f"{name}.{method}")

    assert not silent


def _methods(thing: object) -> list[tuple[str, object]]:
    if not inspect.isclass(thing):
        return []
    ours = [kind for kind in thing.__mro__ if kind.__module__.startswith("groq_quota")]
    return [
        (name, found)
        for kind in ours
        for name, found in vars(kind).items()
        if not name.startswith("_")
        and (inspect.isroutine(found) or isinstance(found, (property, classmethod)))
    ]


def test_every_command_is_in_the_reference() -> None:
    """
    The page is made of the commands' own help: each has a section, and all its options are there.
    """
    typer = pytest.importorskip("typer")
    pytest.importorskip("docutils")
    from groq_quota.cli.app import app

    sections = _extension()._help()
    group = typer.main.get_command(app)

    assert "```{commands}" in page("cli.md")
    assert ["groq-quota", *(f"groq-quota {name}" for name in group.commands)] == list(sections)
    for name, command in group.commands.items():
        for option in command.params:
            if option.param_type_name == "option":
                assert set(option.opts) <= set(sections[f"groq-quota {name}"].split()), name


def _extension() -> ModuleType:
    path = ROOT / "docs" / "_ext" / "commands.py"
    spec = importlib.util.spec_from_file_location("commands", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_variable_is_in_the_reference() -> None:
    """
    The variables that the code reads are those that the reference describes.
    """
    read = {
        name
        for package in _PACKAGES
        for path in _home(package).rglob("*.py")
        for name in re.findall(r"[\"'`](GROQ_QUOTA_[A-Z_]*[A-Z])\b", path.read_text("utf-8"))
    }
    written = set(re.findall(r"`(GROQ_QUOTA_[A-Z_]*[A-Z])`", page("settings.md")))

    assert {"GROQ_QUOTA_STORAGE", "GROQ_QUOTA_LANG"} <= read
    assert read == written


def _home(package: str) -> Path:
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def test_every_kind_of_event_is_in_the_reference() -> None:
    """
    The events that hooks are called with are those that the reference describes.
    """
    from typing import get_args

    from groq_quota.hooks import EventKind

    written = re.findall(r"^\| `(\w+)`", page("events.md"), re.MULTILINE)

    assert set(get_args(EventKind)) <= set(written)


def test_every_metric_is_in_the_reference() -> None:
    """
    The metrics and their labels are those that the collector describes.
    """
    collector = loaded("groq_quota_prometheus").QuotaCollector()
    rows = re.findall(r"^\| `(groq_quota_\w+)` \| (.*?) \|", page("metrics.md"), re.MULTILINE)
    written = {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in rows}

    assert written == {metric.name: metric._labelnames for metric in collector.describe()}


def test_the_version_is_that_of_the_comparison() -> None:
    """
    The comparison with other tools is with this version.
    """
    text = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")

    assert {groq_quota.__version__} == set(
        re.findall(r"^\| groq-quota \| ([\d.]+)", text, re.MULTILINE)
    )


@pytest.mark.parametrize("name", pages())
def test_links_and_pictures_lead_somewhere(name: str) -> None:
    """
    Every file that a page links to is there.
    """
    text = (ROOT / name).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)\)", text) if "://" not in link]

    assert not [link for link in links if not (ROOT / name).parent.joinpath(link).exists()]
