"""The cache: results are complete, and one process at a time builds a part."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.toolchain import cache


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_CLUSTER_CACHE", str(tmp_path))


def test_the_cache_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.root() == tmp_path
    monkeypatch.delenv("CONSUL_CLUSTER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.root() == tmp_path / "xdg" / "consul-cluster"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache.root() == tmp_path / "home" / ".cache" / "consul-cluster"


def test_a_failed_build_leaves_nothing() -> None:
    final = cache.folder("part", "key")

    def fail() -> None:
        with cache.publish(final) as making:
            (making / "half").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(final.parent.iterdir()) == []


def test_leftovers_of_killed_builds_are_deleted() -> None:
    final = cache.folder("part", "key")
    for left in (final, cache.folder("part", "older"), cache.folder("part-two", "key")):
        with cache.publish(left) as making:
            (making / "half").touch()
        left.rename(making)  # the state after a kill while `half` was being written

    with cache.publish(final) as making:
        (making / "whole").touch()
    assert [path.name for path in final.iterdir()] == ["whole"]
    assert {path.name for path in final.parent.iterdir()} == {"part-key", "part-two-key.making"}


def test_a_lock_keeps_a_second_holder_out_until_it_is_released() -> None:
    first, second = cache.Lock("part"), cache.Lock("part")
    assert first.take()
    assert not second.take()
    assert not second.take(shared=True)
    first.release()
    assert second.take()
    second.release()


def test_a_shared_lock_becomes_exclusive_only_for_the_last_holder() -> None:
    first, last = cache.Lock("go"), cache.Lock("go")
    assert first.take(shared=True)
    assert last.take(shared=True)
    assert not first.take()
    first.release()
    assert last.take()
    last.release()
