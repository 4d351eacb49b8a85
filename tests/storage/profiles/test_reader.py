"""Readers: notice a newer build, swap between requests, and reject what is damaged, saying why."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from basira.schema.days import day_of
from basira.schema.errors import StoreError
from basira.storage.profiles.files import Manifest, data_path, list_names, manifest_path
from basira.storage.profiles.publish import Description, publish_profiles
from basira.storage.profiles.reader import ProfileReader

KEY = b"\x01key"


def publish(folder: Path, day: int, *, catalog: str = "c", records: int = 2_000, **options: int) -> Manifest:
    """A build whose every record says its day."""
    description = Description(day, 7, catalog, ("x_zone",), True, {"basira": "test"})
    keys = [KEY, *(b"\x02" + n.to_bytes(8, "big") for n in range(records))]
    says = [str(day).encode()] * len(keys)
    return publish_profiles(
        folder, [("word", keys, says)], description=description, built_at=datetime(2026, 1, 1), **options
    )


def test_what_was_written_is_read_and_what_was_not_is_none(tmp_path: Path) -> None:
    manifest = publish(tmp_path, 100)
    profiles = ProfileReader(tmp_path, catalog="c").profiles()
    assert profiles.find([KEY, b"\x01other"]) == [b"100", None]
    assert profiles.metadata == manifest.metadata
    assert profiles.metadata.counts == {"word": 2_001}
    assert (profiles.metadata.snapshot, profiles.extras, profiles.metadata.is_simulated) == (7, ("x_zone",), True)
    assert len(list(profiles.records())) == 2_001


def test_the_name_tells_the_day_and_the_content(tmp_path: Path) -> None:
    first = publish(tmp_path, day_of(date(2020, 12, 31)))
    again = publish(tmp_path, day_of(date(2020, 12, 31)))
    other = publish(tmp_path, day_of(date(2020, 12, 31)), records=3)
    assert first.name == again.name
    assert first.name.startswith("2020-12-31-")
    assert other.name != first.name
    assert sorted(list_names(tmp_path)) == sorted([first.name, other.name])


def test_a_new_build_is_noticed_and_requests_under_way_keep_theirs(tmp_path: Path) -> None:
    publish(tmp_path, 100)
    reader = ProfileReader(tmp_path, catalog="c")
    under_way = reader.profiles()
    publish(tmp_path, 101)
    assert reader.profiles().as_of_day == 100
    assert reader.refresh().is_new
    assert not reader.refresh().is_new
    assert reader.profiles().find([KEY]) == [b"101"]
    assert under_way.find([KEY]) == [b"100"]


def test_removed_from_the_folder_an_open_build_still_answers(tmp_path: Path) -> None:
    publish(tmp_path, 100)
    under_way = ProfileReader(tmp_path, catalog="c").profiles()
    for day in (101, 102, 103):
        publish(tmp_path, day, kept=2)
    assert [name[:10] for name in list_names(tmp_path)] == ["1970-04-14", "1970-04-13"]
    assert under_way.find([KEY]) == [b"100"]


def test_no_request_is_dropped_while_builds_come_in(tmp_path: Path) -> None:
    publish(tmp_path, 100)
    reader = ProfileReader(tmp_path, catalog="c")
    stop = threading.Event()
    answers: list[set[bytes | None]] = [set(), set()]
    errors: list[Exception] = []

    def serve(seen: set[bytes | None]) -> None:
        while not stop.is_set():
            try:
                profiles = reader.profiles()
                found = set(profiles.find([KEY, b"\x02" + bytes(8)]))
                assert found == {str(profiles.as_of_day).encode()}
                seen |= found
            except Exception as error:
                errors.append(error)
                return

    threads = [threading.Thread(target=serve, args=(seen,)) for seen in answers]
    for thread in threads:
        thread.start()
    for day in range(101, 113):
        publish(tmp_path, day)
        reader.refresh()
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert all(len(seen) >= 2 for seen in answers)


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("spoil", [truncate, flip, empty, Path.unlink])
@pytest.mark.parametrize("place", [data_path, manifest_path])
def test_a_damaged_newest_build_is_passed_over_with_an_alarm(
    tmp_path: Path, spoil: Callable[[Path], None], place: Callable[[Path, str], Path]
) -> None:
    publish(tmp_path, 100)
    newest = publish(tmp_path, 101)
    spoil(place(tmp_path, newest.name))
    reader = ProfileReader(tmp_path, catalog="c")
    assert reader.profiles().find([KEY]) == [b"100"]
    assert reader.alarm is not None
    assert newest.name in reader.alarm
    assert "Those of 1970-04-11 serve." in reader.alarm


def test_built_again_the_damaged_one_is_replaced_and_the_alarm_ends(tmp_path: Path) -> None:
    publish(tmp_path, 100)
    newest = publish(tmp_path, 101)
    flip(data_path(tmp_path, newest.name))
    reader = ProfileReader(tmp_path, catalog="c")
    assert reader.refresh().alarm
    assert publish(tmp_path, 101) == newest
    refreshed = reader.refresh()
    assert (refreshed.is_new, refreshed.alarm) == (True, None)
    assert reader.profiles().as_of_day == 101


def test_replaced_on_disk_by_a_damaged_copy_the_open_one_goes_on_with_an_alarm(tmp_path: Path) -> None:
    publish(tmp_path, 100)
    newest = publish(tmp_path, 101)
    reader = ProfileReader(tmp_path, catalog="c")
    reader.refresh()
    path = data_path(tmp_path, newest.name)
    copy = tmp_path / "copy"
    copy.write_bytes(path.read_bytes()[:-1] + b"\x01")
    copy.replace(path)
    refreshed = reader.refresh()
    assert not refreshed.is_new
    assert refreshed.alarm
    assert reader.profiles().find([KEY]) == [b"101"]


@pytest.mark.parametrize("pointer", ["", "../../etc", "1970-04-12-0000000000000000\n", None])
def test_a_damaged_pointer_is_an_alarm_and_the_latest_build_serves(tmp_path: Path, pointer: str | None) -> None:
    publish(tmp_path, 100)
    publish(tmp_path, 101)
    current = tmp_path / "CURRENT"
    if pointer is None:
        current.unlink()
    else:
        current.write_text(pointer)
    reader = ProfileReader(tmp_path, catalog="c")
    assert reader.profiles().as_of_day == 101
    assert reader.alarm


def test_profiles_of_another_catalog_do_not_serve(tmp_path: Path) -> None:
    publish(tmp_path, 100)
    publish(tmp_path, 101, catalog="d")
    reader = ProfileReader(tmp_path, catalog="c")
    assert reader.profiles().as_of_day == 100
    assert "for the catalog d, not c" in str(reader.alarm)


@pytest.mark.parametrize("is_made", [True, False])
def test_without_profiles_it_says_so(tmp_path: Path, is_made: bool) -> None:
    folder = tmp_path if is_made else tmp_path / "absent"
    with pytest.raises(StoreError, match="found none that can serve"):
        ProfileReader(folder, catalog="c").profiles()


def test_the_age_counts_the_days_that_are_missing(tmp_path: Path) -> None:
    publish(tmp_path, day_of(date(2020, 12, 31)))
    profiles = ProfileReader(tmp_path, catalog="c").profiles()
    assert [profiles.age_days(date(2021, 1, day)) for day in (1, 2, 5)] == [0, 1, 4]
