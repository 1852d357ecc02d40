"""
The JSON storage: its file, and what may befall it.
"""

from __future__ import annotations

import errno
import gc
import json
import logging
import os
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota.errors import ConfigurationError, StorageError, WrongTypeError
from groq_quota.storage import json_file, locked_file, locks, storage_from_uri
from groq_quota.storage.json_file import JsonStorage
from groq_quota.storage.locked_file import LockedFile
from tests.contract.steps import DAY, KEY, NOON, book, count, iso
from tests.storage.people import NOBODY, as_nobody, common_ground, fork, said, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from groq_quota.state import Cell

posix = pytest.mark.skipif(sys.platform == "win32", reason="of POSIX")
root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root gives files away"
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """
    Where the file is, or will be.
    """
    return tmp_path / "usage_data.json"


def beside(place: Path) -> set[str]:
    """
    The names of all files in its directory.
    """
    return {path.name for path in place.parent.iterdir()}


def counted(place: Path) -> int:
    """
    What another process reads in the file.
    """
    cell = JsonStorage(place).read(KEY)
    return 0 if cell is None else cell["today"]["requests"]


class TestPlace:
    def test_constructing_touches_no_disk(self, place: Path) -> None:
        """
        Nor does asking where it is, or closing.
        """
        storage = JsonStorage(place / "no" / "such" / "directory" / "u.json")
        assert storage.uri.endswith("/no/such/directory/u.json")
        storage.close()

        assert set() == beside(place)

    def test_the_path_is_absolute_from_the_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        Changing the directory later does not move the file.
        """
        storage = JsonStorage("usage_data.json")
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        storage.transact(KEY, count)

        assert (tmp_path / "usage_data.json").exists()

    @pytest.mark.parametrize(
        ("text", "path"),
        [
            ("usage.json", "usage.json"),
            ("data/usage.json", "data/usage.json"),
            ("/abs/usage.json", "/abs/usage.json"),
            ("json:///abs/usage.json", "/abs/usage.json"),
            ("JSON:///abs/usage.json", "/abs/usage.json"),
            ("json://data/usage.json", "data/usage.json"),
            ("json:///my%20data/100%25.json", "/my data/100%.json"),
            ("why?.json", "why?.json"),
            ("100%25.json", "100%25.json"),
        ],
    )
    @pytest.mark.parametrize("option", ["", "?fsync=1", "?fsync=0"])
    def test_from_uri(self, tmp_path: Path, text: str, path: str, option: str) -> None:
        """
        A URI or a path; its own `uri` leads to the same place.
        """
        storage = storage_from_uri(text + option)
        assert isinstance(storage, JsonStorage)
        again = JsonStorage.from_uri(storage.uri)

        assert str(tmp_path / path) == storage._file.path == again._file.path
        assert (option == "?fsync=1") == storage._fsync == again._fsync
        assert storage.uri == again.uri

    @pytest.mark.parametrize(
        ("text", "path"),
        [
            ("C:\\data\\u.json", "C:\\data\\u.json"),
            ("json:///C:/data/u.json", "C:/data/u.json"),
            ("json://C:\\data\\u.json", "C:\\data\\u.json"),
            ("\\\\server\\share\\u.json", "\\\\server\\share\\u.json"),
            ("json:////server/share/u.json", "//server/share/u.json"),
        ],
    )
    def test_paths_of_windows(self, text: str, path: str) -> None:
        """
        With drives and shares.
        """
        assert (path, True) == json_file._parse(text + "?fsync=1", drives=True)

    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ("json://", "not the path of a file"),
            ("json:///", "not the path of a file"),
            ("data/", "not the path of a file"),
            ("a\0b", "not the path of a file"),
            ("json:///u.json?fsync=maybe", "fsync must be 1 or 0"),
            ("u.json?fsync=maybe", "fsync must be 1 or 0"),
            ("json:///u.json?sync=1", "unknown option 'sync'"),
        ],
    )
    def test_bad_places(self, text: str, named: str) -> None:
        """
        The error says what is wrong.
        """
        with pytest.raises(ConfigurationError, match=named):
            storage_from_uri(text)

    @pytest.mark.parametrize("path", [None, 5, b"usage.json"])
    def test_of_the_wrong_type(self, path: Any) -> None:
        """
        A path is text.
        """
        with pytest.raises(WrongTypeError):
            JsonStorage(path)

    def test_light_imports(self, tmp_path: Path) -> None:
        """
        Using it brings in neither portalocker nor redis, which that imports.
        """
        program = (
            "import sys\n"
            "from groq_quota.storage.json_file import JsonStorage\n"
            "from tests.contract.steps import KEY, count\n"
            f"JsonStorage({str(tmp_path / 'u.json')!r}).transact(KEY, count)\n"
            "print({'portalocker', 'redis', 'asyncio', 'groq'} & sys.modules.keys())\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        if sys.platform != "win32" and "asyncio" not in done.stdout:
            assert "set()\n" == done.stdout


class TestCurrent:
    def test_after_every_call(self, place: Path) -> None:
        """
        The file says what was counted as soon as the call returns.
        """
        storage = JsonStorage(place)
        for number in range(1, 6):
            book(storage, KEY, NOON, tokens=10)
            assert number == json.loads(place.read_bytes())["daily_usage"][KEY[1]]["requests"]

    def test_replaced_whole(self, place: Path) -> None:
        """
        Who has it open goes on reading what it was; no other file is left over.
        """
        storage = JsonStorage(place)
        book(storage, KEY, NOON, tokens=10)
        with place.open("rb") as before:
            book(storage, KEY, NOON, tokens=10)
            assert 1 == json.loads(before.read())["daily_usage"][KEY[1]]["requests"]

        assert {"usage_data.json", "usage_data.json.lock"} == beside(place)

    def test_for_people(self, place: Path) -> None:
        """
        Indented where people look, one line for each cell.
        """
        storage = JsonStorage(place)
        book(storage, KEY, NOON, tokens=10)
        lines = place.read_text("utf-8").splitlines()

        assert '  "last_reset_date": "2026-11-22",' == lines[1]
        assert f'    "{KEY[1]}": {{' == lines[3]
        assert '      "requests": 1,' == lines[4]
        assert 1 == sum(f'"default/{KEY[1]}": {{' in line for line in lines)

    def test_62_days(self, place: Path) -> None:
        """
        So many past days are in the document.
        """
        storage = JsonStorage(place)
        for days in range(65):
            book(storage, KEY, NOON + days * DAY, tokens=1)

        assert [iso(days) for days in range(2, 64)] == list(
            json.loads(place.read_bytes())["groq_quota"]["days"][f"default/{KEY[1]}"]
        )

    def test_odd_characters(self, place: Path) -> None:
        """
        Also half of a surrogate pair, which no encoding has.
        """
        storage = JsonStorage(place)
        storage.transact(("\ud800", "\udfff/"), count)

        assert 1 == JsonStorage(place).load("\ud800")["\udfff/"]["today"]["requests"]

    def test_reading_again_reads_no_file(self, place: Path) -> None:
        """
        Undisturbed, a storage opens nothing to look up what it knows.
        """
        storage = JsonStorage(place)
        book(storage, KEY, NOON, tokens=10)
        opened: list[object] = []
        watching = True

        def watch(event: str, args: tuple[object, ...]) -> None:
            if watching and event == "open":
                opened.append(args[0])

        sys.addaudithook(watch)
        storage.read(KEY)
        storage.load("default")
        storage.past("default", "")
        watching = False

        assert [] == opened

    def test_reading_makes_no_file(self, place: Path) -> None:
        """
        Neither the document nor its lock.
        """
        storage = JsonStorage(place)

        assert storage.read(KEY) is None
        assert {} == storage.load("default")
        assert {} == storage.past("default", "")
        assert [] == storage.scopes()
        assert set() == beside(place)

    def test_closed_when_it_is_gone(self, place: Path) -> None:
        """
        A storage that nobody has any more keeps no file open, and warns of nothing.
        """
        storage = JsonStorage(place)
        storage.transact(KEY, count)
        storage.close()
        storage.transact(KEY, count)
        del storage
        gc.collect()
        if sys.platform == "linux":
            links = [os.path.realpath(f"/proc/self/fd/{number}") for number in range(64)]
            assert not [link for link in links if link.startswith(str(place))]

    def test_fsync(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        With it each write waits for the disk, for the file and for its name; without it none.
        """
        waited: list[bool] = []
        fsync = os.fsync

        def watched(descriptor: int) -> None:
            waited.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", watched)
        JsonStorage(tmp_path / "without.json").transact(KEY, count)
        assert [] == waited
        storage_from_uri(f"json://{tmp_path}/with.json?fsync=1").transact(KEY, count)
        assert [False, True][: 1 if sys.platform == "win32" else 2] == waited

    @pytest.mark.skipif(sys.platform == "win32", reason="directories are not synced there")
    def test_a_name_that_cannot_be_synced(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """
        The file is written by then: it is counted, once, and said once.
        """
        fsync = os.fsync

        def failing(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(errno.EIO, "Input/output error")
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", failing)
        storage = storage_from_uri(f"json://{tmp_path}/usage.json?fsync=1")
        assert [1, 2] == [storage.transact(KEY, count) for _ in range(2)]
        (record,) = caplog.records
        assert "a power loss may undo it" in record.getMessage()


class TestErrors:
    def test_without_a_directory(self, tmp_path: Path) -> None:
        """
        None is made: the error names it, and once it is there counting goes on.
        """
        storage = JsonStorage(tmp_path / "no" / "usage_data.json")
        assert {} == storage.load("default")
        with pytest.raises(StorageError) as caught:
            storage.transact(KEY, count)
        assert f"create the directory {tmp_path / 'no'}" in str(caught.value)
        assert isinstance(caught.value.__cause__, FileNotFoundError)

        (tmp_path / "no").mkdir()
        assert 1 == storage.transact(KEY, count)

    def test_a_directory_in_its_place(self, tmp_path: Path) -> None:
        """
        It is left alone.
        """
        (tmp_path / "usage_data.json").mkdir()
        storage = JsonStorage(tmp_path / "usage_data.json")
        for call in (lambda: storage.transact(KEY, count), lambda: storage.read(KEY)):
            with pytest.raises(StorageError, match="not a regular file"):
                call()

        assert ["usage_data.json"] == [path.name for path in tmp_path.iterdir()]

    @posix
    def test_a_device_in_its_place(self) -> None:
        """
        It is left alone, even by root.
        """
        with pytest.raises(StorageError, match="not a regular file"):
            JsonStorage(os.devnull).transact(KEY, count)

        assert Path(os.devnull).is_char_device()
        assert not Path(f"{os.devnull}.lock").exists()

    @posix
    def test_a_directory_that_may_not_be_written(self) -> None:
        """
        The error names it; reading works all the same.
        """
        with common_ground() as folder:
            place = folder / "usage_data.json"
            book(JsonStorage(place), KEY, NOON, tokens=1)
            (folder / "usage_data.json.lock").unlink()
            for path in (place, folder):
                path.chmod(0o555)

            def work() -> None:
                storage = JsonStorage(place)
                with pytest.raises(StorageError) as caught:
                    storage.transact(KEY, count)
                assert f"write in the directory {folder}" in str(caught.value)
                assert str(place) in str(caught.value)
                assert 1 == len(storage.load("default"))

            as_nobody(work)
            folder.chmod(0o755)

    @posix
    def test_a_lock_file_of_somebody_else(self) -> None:
        """
        It stops those who write, not those who read.
        """
        with common_ground() as folder:
            place = folder / "usage_data.json"
            book(JsonStorage(place), KEY, NOON, tokens=1)
            place.chmod(0o444)
            (folder / "usage_data.json.lock").chmod(0o000)

            def work() -> None:
                storage = JsonStorage(place)
                assert 1 == len(storage.load("default"))
                with pytest.raises(StorageError, match=r"usage_data\.json\.lock"):
                    storage.transact(KEY, count)

            as_nobody(work)

    @posix
    def test_a_write_that_fails(self, place: Path) -> None:
        """
        Nothing of it is kept, nothing is left over, and what was there is whole.
        """
        storage = JsonStorage(place)
        book(storage, KEY, NOON, tokens=1)
        before = place.read_bytes()

        def work(_: int) -> None:
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, (len(before), len(before)))
            with pytest.raises(StorageError, match="File too large"):
                storage.transact(("default", "x" * 200), count)
            assert before == place.read_bytes()
            assert {"usage_data.json", "usage_data.json.lock"} == beside(place)
            assert storage.read(("default", "x" * 200)) is None

        said(*fork(work))

    def test_a_lock_that_is_never_freed(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        After some patience the error says so; when it is free counting goes on.
        """
        monkeypatch.setattr(LockedFile, "patience", 0.02)
        storage, other = JsonStorage(place), LockedFile(str(place))
        storage.transact(KEY, count)
        other.acquire(create=True)
        with pytest.raises(StorageError, match="another process has kept the lock"):
            storage.transact(KEY, count)
        other.release()

        assert 2 == storage.transact(KEY, count)

    def test_of_a_newer_version(self, place: Path) -> None:
        """
        Its file is not touched.
        """
        text = json.dumps({"groq_quota": {"version": 2, "cells": []}})
        place.write_text(text)
        storage = JsonStorage(place)
        with pytest.raises(StorageError, match="update this one") as caught:
            storage.transact(KEY, count)

        assert str(place) in str(caught.value)
        assert text == place.read_text()


@posix
class TestOwnership:
    def test_new_files_are_private(self, place: Path) -> None:
        """
        Document and lock are for their owner alone, whatever the umask.
        """
        before = os.umask(0)
        try:
            JsonStorage(place).transact(KEY, count)
        finally:
            os.umask(before)

        assert {0o600} == {path.stat().st_mode & 0o777 for path in place.parent.iterdir()}

    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o666])
    def test_existing_files_keep_their_mode(self, place: Path, mode: int) -> None:
        """
        Also across a left-over of a killed process, and the lock file is as open as the document.
        """
        place.write_text("{}")
        place.chmod(mode)
        (place.parent / "usage_data.json.tmp").write_text("left over " * 1_000)
        storage = JsonStorage(place)
        assert 1 == storage.transact(KEY, count)
        assert 1 == counted(place)
        assert 2 == storage.transact(KEY, count)

        assert mode == place.stat().st_mode & 0o777
        assert mode == (place.parent / "usage_data.json.lock").stat().st_mode & 0o777

    @root
    def test_existing_files_keep_their_owner(self, place: Path) -> None:
        """
        Where that is possible: root does not take files away from their users.
        """
        place.write_text("{}")
        os.chown(place, NOBODY, NOBODY)
        JsonStorage(place).transact(KEY, count)

        for path in place.parent.iterdir():
            assert (NOBODY, NOBODY) == (path.stat().st_uid, path.stat().st_gid)

    @root
    def test_a_file_of_a_group(self) -> None:
        """
        Who may write it through its group goes on, and so does its owner.
        """
        with common_ground() as folder:
            folder.chmod(0o777)
            place = folder / "usage_data.json"
            place.write_text("{}")
            os.chown(place, -1, NOBODY)
            place.chmod(0o660)
            storage = JsonStorage(place)
            storage.transact(KEY, count)
            as_nobody(lambda: JsonStorage(place).transact(KEY, count))

            assert 3 == storage.transact(KEY, count)
            assert 0o660 == place.stat().st_mode & 0o777
            assert NOBODY == place.stat().st_gid


@posix
class TestLinks:
    def test_are_followed(self, tmp_path: Path) -> None:
        """
        A link stays a link; the file behind it is replaced, with its lock beside it.
        """
        (tmp_path / "data").mkdir()
        link, target = tmp_path / "usage_data.json", tmp_path / "data" / "real.json"
        link.symlink_to("data/real.json")
        one, other = JsonStorage(link), JsonStorage(target)
        assert [1, 2, 3, 4] == [storage.transact(KEY, count) for storage in (one, other) * 2]

        assert link.is_symlink()
        assert {"real.json", "real.json.lock"} == beside(target)
        assert {"usage_data.json", "data"} == beside(link)

    def test_that_lead_elsewhere_later(self, tmp_path: Path) -> None:
        """
        The next call goes where the link leads now.
        """
        link = tmp_path / "usage_data.json"
        link.symlink_to(tmp_path / "one.json")
        storage = JsonStorage(link)
        storage.transact(KEY, count)
        link.unlink()
        link.symlink_to(tmp_path / "two.json")

        assert storage.read(KEY) is None
        assert 1 == storage.transact(KEY, count)
        assert (1, 1) == (counted(tmp_path / "one.json"), counted(tmp_path / "two.json"))


class TestGone:
    def test_a_deleted_file_is_a_fresh_start(self, place: Path) -> None:
        """
        Also while counting.
        """
        storage = JsonStorage(place)
        book(storage, KEY, NOON, tokens=1)
        book(storage, KEY, NOON + DAY, tokens=1)
        place.unlink()

        assert storage.read(KEY) is None
        book(storage, ("default", "other"), NOON + DAY, tokens=1)
        document = json.loads(place.read_bytes())
        assert {"other"} == document["daily_usage"].keys()
        assert {"default/other"} == document["groq_quota"]["cells"].keys()
        assert {} == document["groq_quota"]["days"]
        assert 1 == document["total_lifetime"]["requests"]

    @posix
    def test_with_its_lock(self, place: Path) -> None:
        """
        Processes that have the deleted lock file open find together again.
        """
        storages = [JsonStorage(place) for _ in range(4)]
        for storage in storages:
            storage.transact(KEY, count)
        for path in place.parent.iterdir():
            path.unlink()

        assert list(range(1, 13)) == [
            storage.transact(KEY, count) for _ in range(3) for storage in storages
        ]

    @posix
    def test_a_new_lock_excludes_those_who_have_the_old(self, place: Path) -> None:
        """
        Who has a deleted lock file open waits for the one that is there now.
        """
        one, other = JsonStorage(place), JsonStorage(place)
        one.transact(KEY, count)
        other.transact(KEY, count)
        other._file.patience = 0.01
        (place.parent / "usage_data.json.lock").unlink()

        def step(cell: Cell) -> int:
            with pytest.raises(StorageError, match="kept the lock"):
                other.transact(KEY, count)
            return count(cell)

        assert 3 == one.transact(KEY, step)
        assert 4 == other.transact(KEY, count)

    @pytest.mark.parametrize("text", [b"", b"\n", b"  \r\n"])
    def test_an_empty_file_is_a_fresh_start(self, place: Path, text: bytes) -> None:
        """
        Found so, or emptied while counting.
        """
        place.write_bytes(text)
        storage = JsonStorage(place)
        assert 1 == storage.transact(KEY, count)
        assert 2 == storage.transact(KEY, count)
        place.write_bytes(text)

        assert 1 == storage.transact(KEY, count)
        assert {"usage_data.json", "usage_data.json.lock"} == beside(place)

    @pytest.mark.parametrize("half", [b"", b'{"last_reset_date": "2026-1'])
    def test_a_file_that_is_just_being_written(self, place: Path, half: bytes) -> None:
        """
        A program that writes in place is given the time to end.
        """
        book(JsonStorage(place), KEY, NOON, tokens=1)
        whole = place.read_bytes()

        class Slow(LockedFile):
            def read(self) -> bytes:
                data = super().read()
                place.write_bytes(whole)
                return data

        class Storage(JsonStorage):
            def _open(self, path: str, *, fsync: bool) -> LockedFile:
                return Slow(path, fsync=fsync)

        storage = Storage(place)
        book(storage, KEY, NOON, tokens=1)
        place.write_bytes(half)
        book(storage, KEY, NOON, tokens=1)

        cell = storage.read(KEY)
        assert cell is not None
        assert 2 == cell["today"]["requests"]
        assert {"usage_data.json", "usage_data.json.lock"} == beside(place)


class TestDamaged:
    @pytest.mark.parametrize(
        "text",
        [
            b"{",
            b'{"last_reset_date": "2026-11-22"} and more',
            b"[1, 2]",
            b"null",
            b"\0" * 100,
            b"\xff\xfe\xfd",
            b"[" * 100_000,
            b'{"daily_usage": {"m": {"requests": 1' + b"1" * 5_000 + b"}}}",
        ],
    )
    def test_set_aside(self, place: Path, caplog: pytest.LogCaptureFixture, text: bytes) -> None:
        """
        Under a new name, said loudly with both names; counting goes on.
        """
        place.write_bytes(text)
        storage = JsonStorage(place)
        assert 1 == storage.transact(KEY, count)
        assert 2 == storage.transact(KEY, count)

        (aside,) = place.parent.glob("usage_data.json.damaged-*Z")
        assert text == aside.read_bytes()
        (record,) = caplog.records
        assert ("groq_quota", logging.ERROR) == (record.name, record.levelno)
        assert f"{place} is damaged" in caplog.text
        assert str(aside) in caplog.text
        assert 2 == counted(place)

    def test_again_and_again(self, place: Path) -> None:
        """
        Nothing that was set aside is overwritten.
        """
        storage = JsonStorage(place)
        for number in range(4):
            place.write_text(f"damage {number}")
            storage.transact(KEY, count)

        aside = place.parent.glob("usage_data.json.damaged-*")
        assert [f"damage {number}" for number in range(4)] == sorted(
            path.read_text() for path in aside
        )

    def test_while_counting(self, place: Path) -> None:
        """
        What a process knew is not put in the place of what it cannot read.
        """
        storage = JsonStorage(place)
        storage.transact(KEY, count)
        place.write_text("oops")

        assert storage.read(KEY) is None
        assert 1 == storage.transact(KEY, count)

    def test_only_looking(self, place: Path, caplog: pytest.LogCaptureFixture) -> None:
        """
        Who only reads leaves it where it is, and says so once.
        """
        place.write_text("oops")
        storage = JsonStorage(place)
        assert {} == storage.load("default")
        assert {} == storage.load("default")

        assert {"usage_data.json"} == beside(place)
        assert 1 == len(caplog.records)
        assert "will be set aside" in caplog.text

        assert 1 == storage.transact(KEY, count)
        (aside,) = place.parent.glob("*.damaged-*")
        assert "oops" == aside.read_text()


class Mounted(LockedFile):
    """
    A file that cannot be replaced, as one that a container mounts by itself.
    """

    def rename(self, source: str, target: str) -> None:
        """
        Refused where the kernel would.
        """
        if self.path in {source, target}:
            raise OSError(errno.EBUSY, "Device or resource busy", target)
        super().rename(source, target)


class MountedStorage(JsonStorage):
    def _open(self, path: str, *, fsync: bool) -> LockedFile:
        return Mounted(path, fsync=fsync)


class TornFile(Mounted):
    """
    A mounted file whose process dies, or fails once, after writing so many bytes over it.
    """

    cut: int | None = None
    error: OSError | None = None

    def _fill(self, path: str, data: bytes, *, over: bool = False) -> os.stat_result:
        if over and self.cut is not None:
            with Path(path).open("r+b") as file:
                file.write(data[: self.cut])
            self.cut = None
            raise self.error or SystemExit
        return super()._fill(path, data, over=over)


class Torn(JsonStorage):
    def _open(self, path: str, *, fsync: bool) -> LockedFile:
        return TornFile(path, fsync=fsync)


class TestMounted:
    @pytest.fixture
    def storage(self, place: Path) -> Iterator[JsonStorage]:
        """
        A storage whose file cannot be replaced.
        """
        place.write_text("{}")
        storage = MountedStorage(place)
        yield storage
        storage.close()

    def test_is_written_in_place(self, place: Path, storage: JsonStorage) -> None:
        """
        The file stays the same one, with an equal copy beside it.
        """
        inode = place.stat().st_ino
        book(storage, ("default", "x" * 200), NOON, tokens=1)
        book(storage, KEY, NOON, tokens=1)
        storage.put(("default", "x" * 200), {**storage.load("default")[KEY[1]]}, {})
        for number in (2, 3):
            book(storage, KEY, NOON, tokens=1)
            assert number == json.loads(place.read_bytes())["daily_usage"][KEY[1]]["requests"]

        assert inode == place.stat().st_ino
        assert place.read_bytes() == (place.parent / "usage_data.json.backup").read_bytes()
        assert {"usage_data.json", "usage_data.json.lock", "usage_data.json.backup"} == beside(
            place
        )

    def test_the_generation_tells(self, place: Path, storage: JsonStorage) -> None:
        """
        A change by another process is noticed also where time, size and inode are as before.
        """
        storage.transact(KEY, count)
        before = place.stat()
        assert 2 == MountedStorage(place).transact(KEY, count)
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
        after = place.stat()
        assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size)

        cell = storage.read(KEY)
        assert cell is not None
        assert 2 == cell["today"]["requests"]
        assert 3 == storage.transact(KEY, count)

    def test_shorter_than_before(self, place: Path, storage: JsonStorage) -> None:
        """
        Nothing of the longer text stays behind.
        """
        storage.transact(("default", "x" * 200), count)
        storage.transact(("default", "x" * 200), partial(count, more=-1))

        assert {} == json.loads(place.read_bytes())["groq_quota"]["cells"]

    @pytest.mark.parametrize("cut", [0, 1, 100, 400, 700, 5_000])
    def test_killed_in_the_middle(
        self, place: Path, caplog: pytest.LogCaptureFixture, cut: int
    ) -> None:
        """
        A torn file is made whole from its copy, which was written first; also where it is JSON.
        """
        storage = Torn(place)
        place.write_text("{}")
        book(storage, KEY, NOON, tokens=1)
        file = storage._file
        assert isinstance(file, TornFile)
        file.cut = cut
        with pytest.raises(SystemExit):
            storage.transact(KEY, count)
        again = MountedStorage(place)
        again.transact(KEY, count)

        cell = again.read(KEY)
        assert cell is not None
        assert 3 == cell["today"]["requests"]
        assert 3 == json.loads(place.read_bytes())["total_lifetime"]["requests"]
        assert "goes on from its copy" in caplog.text
        assert 1 == len(list(place.parent.glob("*.damaged-*")))

    @pytest.mark.parametrize("cut", [0, 100, 5_000])
    def test_no_room_in_the_middle(
        self, place: Path, caplog: pytest.LogCaptureFixture, cut: int
    ) -> None:
        """
        What was there is put back, so that what failed is not found in the copy, and counted twice.
        """
        storage = Torn(place)
        place.write_text("{}")
        book(storage, KEY, NOON, tokens=1)
        before = place.read_bytes()
        file = storage._file
        assert isinstance(file, TornFile)
        file.cut, file.error = cut, OSError(errno.ENOSPC, "No space left on device")
        with pytest.raises(StorageError, match="make room on the disk"):
            storage.transact(KEY, count)
        assert before == place.read_bytes()

        assert 2 == MountedStorage(place).transact(KEY, count)
        assert "goes on from its copy" not in caplog.text

    def test_damaged_with_its_copy(self, place: Path, storage: JsonStorage) -> None:
        """
        Both are beyond help: counting starts anew, and what was there is set aside as a copy.
        """
        storage.transact(KEY, count)
        place.write_text("oops")
        (place.parent / "usage_data.json.backup").write_text("oops, too")
        inode = place.stat().st_ino

        assert 1 == MountedStorage(place).transact(KEY, count)
        (aside,) = place.parent.glob("*.damaged-*")
        assert "oops" == aside.read_text()
        assert inode == place.stat().st_ino

    @root
    @pytest.mark.skipif(sys.platform != "linux", reason="mounts as Linux does")
    def test_a_real_mount(self, place: Path) -> None:
        """
        The kernel refuses to replace a mounted file; counting goes on in it.
        """
        place.write_text("{}")
        real = place.parent / "volume"
        real.write_text('{"note": "mine"}')
        program = (
            "from groq_quota.storage.json_file import JsonStorage\n"
            "from tests.contract.steps import KEY, count\n"
            f"storage = JsonStorage({str(place)!r})\n"
            "print([storage.transact(KEY, count) for _ in range(3)])\n"
        )
        script = f'mount --bind "{real}" "{place}" && "{sys.executable}" -c "$PROGRAM"'
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script],  # noqa: S607  # wherever it is
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PROGRAM": program},
        )
        if "mount" in done.stderr or "unshare" in done.stderr:
            pytest.skip(done.stderr)

        assert ("[1, 2, 3]\n", "") == (done.stdout, done.stderr)
        assert 3 == counted(real)
        assert "mine" == json.loads(real.read_bytes())["note"]
        assert "{}" == place.read_text()


class TestWindows:
    def test_a_file_that_others_have_open(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        Replacing it is tried again for a while, and given up with an error.
        """
        storage, refusals = JsonStorage(place), 5

        def rename(source: str, target: str) -> None:
            nonlocal refusals
            refusals -= 1
            if refusals >= 0:
                raise PermissionError(errno.EACCES, "Access is denied", target)
            Path(source).replace(target)

        monkeypatch.setattr(storage._file, "replace_patience", 0.05)
        monkeypatch.setattr(storage._file, "rename", rename)
        assert 1 == storage.transact(KEY, count)
        refusals = 1_000
        with pytest.raises(StorageError, match="Access is denied"):
            storage.transact(KEY, count)
        refusals = 0

        assert 2 == storage.transact(KEY, count)

    @posix
    def test_locks_by_portalocker(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        The locks of Windows, as far as they work here: exclusive between processes.
        """
        monkeypatch.setattr(locked_file, "_locker", locks.portalockers)
        storage = JsonStorage(place)
        storage.transact(KEY, count)

        def work(_: int) -> None:
            own = JsonStorage(place)
            for _ in range(50):
                own.transact(KEY, count)

        children = [fork(work) for _ in range(3)]
        for child in children:
            said(*child)
        assert 152 == storage.transact(KEY, count)

        other = LockedFile(str(place))
        assert other.acquire(create=True)
        monkeypatch.setattr(LockedFile, "patience", 0.01)
        with pytest.raises(StorageError, match="another process has kept the lock"):
            storage.transact(KEY, count)
        other.release()
        assert 153 == storage.transact(KEY, count)


def test_another_process_is_noticed(place: Path) -> None:
    """
    By reading alone, without a lock of one's own: what it wrote is seen at once.
    """
    storage = JsonStorage(place)
    storage.transact(KEY, count)
    for number in range(2, 30):
        assert number == JsonStorage(place).transact(KEY, count)
        cell = storage.read(KEY)
        assert cell is not None
        assert number == cell["today"]["requests"]
    until(lambda: counted(place) == 29)
