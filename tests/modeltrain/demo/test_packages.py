import os
import subprocess

import pytest

from modeltrain.demo import packages


def write_program(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n" + text)
    (folder / name).chmod(0o755)


def test_packages_are_fetched_once(tmp_path, monkeypatch):
    write_program(tmp_path / "bin", "apt-get", "echo $2 > x.deb\n")
    write_program(tmp_path / "bin", "dpkg-deb", 'mkdir -p "$3/usr" && cp "$2" "$3/usr/name"\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    folders = packages.fetch(tmp_path / "cache", ["owls", "foxes"])
    assert folders == {name: tmp_path / "cache" / name for name in ("owls", "foxes")}
    assert (folders["owls"] / "usr" / "name").read_text() == "owls\n"
    monkeypatch.setattr(subprocess, "run", None)
    assert packages.fetch(tmp_path / "cache", ["owls", "foxes"]) == folders


def test_sounds_are_not_kept(tmp_path, monkeypatch):
    write_program(tmp_path / "bin", "apt-get", "echo > x.deb\n")
    write_program(
        tmp_path / "bin", "dpkg-deb", 'mkdir "$3" && cd "$3" && touch a.ogg a.png a.wav\n'
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    packages.unpack("owls", tmp_path / "owls")
    assert [path.name for path in (tmp_path / "owls").iterdir()] == ["a.png"]


def test_one_package_that_cannot_be_had_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    write_program(tmp_path / "bin", "apt-get", "[ $2 = owls ] && echo > x.deb\n")
    write_program(tmp_path / "bin", "dpkg-deb", 'mkdir -p "$3"\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert list(packages.fetch(tmp_path / "cache", ["owls", "foxes"])) == ["owls"]
    assert "foxes could not be fetched" in capsys.readouterr().err


@pytest.mark.parametrize("failure", ["missing", "fails", "nothing"])
def test_a_failed_download_leaves_nothing_behind(tmp_path, monkeypatch, capsys, failure):
    (tmp_path / "bin").mkdir()
    if failure == "fails":
        write_program(tmp_path / "bin", "apt-get", "echo no network >&2\nexit 100\n")
    if failure == "nothing":
        write_program(tmp_path / "bin", "apt-get", "exit 0\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert packages.fetch(tmp_path / "cache", ["owls"]) == {}
    assert "Images are missing: owls could not be fetched" in capsys.readouterr().err
    assert list((tmp_path / "cache").iterdir()) == []
