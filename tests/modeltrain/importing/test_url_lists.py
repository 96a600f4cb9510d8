"""Lists of addresses become a dataset; every address is taken or told, and asked for once."""

import ipaddress
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from modeltrain.importing import sources
from modeltrain.importing.download import download
from modeltrain.importing.fetch import Rules
from modeltrain.importing.items import ImportRefused
from tests.modeltrain.importing.conftest import LABELS, imported, jpeg, met, told

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def rules(site):
    loopback = (ipaddress.ip_network("127.0.0.1/32"),)
    return Rules(pause=0, wait=0, seconds=5, ports=(site.port,), allowed=loopback)


@pytest.fixture
def lists(site, tmp_path):
    """Write a list for each class, as the scraper lays them out."""

    def write(by_label):
        for label, paths in by_label.items():
            folder = tmp_path / "raw_data" / label
            folder.mkdir(parents=True, exist_ok=True)
            lines = [each if "://" in each else site.url(each) for each in paths]
            (folder / f"urls_{label}.txt").write_text("\n".join(lines))
        return tmp_path / "raw_data"

    return write


@pytest.fixture
def pets_online(site, lists):
    for number in range(5):
        site.add(f"/{number}.jpg", jpeg(number))
    by_label = {"cats": [], "dogs": []}
    for number, label in enumerate(LABELS):
        by_label[label].append(f"/{number}.jpg")
    return by_label


@pytest.fixture
def options(site):
    return ["--allow-address=127.0.0.1/32", f"--allow-port={site.port}", "--pause=0"]


def sizes(got):
    return {label: len(each) for label, each in got.items()}


def found(wanted, rules):
    return {each.source: each for each in download([(url, "cats") for url in wanted], rules=rules)}


def test_lists_of_addresses(site, lists, pets_online, options, tmp_path):
    status, got = imported(tmp_path / "out", lists(pets_online), *options)
    assert status == 0
    assert got == {label: {site.url(each) for each in pets_online[label]} for label in pets_online}


def test_one_file_for_each_class_will_do(site, pets_online, options, tmp_path):
    (tmp_path / "lists").mkdir()
    for label, paths in pets_online.items():
        text = "# pets\r\n\r\n" + "\r\n".join(site.url(each) for each in paths)
        (tmp_path / "lists" / f"{label}.txt").write_text(text)
    status, got = imported(tmp_path / "out", tmp_path / "lists", *options)
    assert (status, sizes(got)) == (
        0,
        {"cats": 3, "dogs": 2},
    )


def test_an_address_that_is_there_twice_is_asked_once(site, lists, pets_online, options, tmp_path):
    pets_online["cats"] += ["/0.jpg", site.url("/0.jpg") + "#part"]
    status, _ = imported(tmp_path / "out", lists(pets_online), *options)
    assert (status, sorted(site.asked)) == (0, [f"/{n}.jpg" for n in range(5)])


def test_all_that_goes_wrong_is_told_by_address(
    site, inside, lists, pets_online, options, tmp_path
):
    site.add("/page.jpg", b"<html>not found</html>")
    site.add("/cut.jpg", jpeg(9)[:300])
    site.add("/empty.jpg")
    site.add("/big.jpg", b"x" * (15 * 2**20 + 1))
    site.add("/inside", status=302, headers={"Location": inside.url("/secret", "127.0.0.2")})
    wrong = {
        "/gone.jpg": "status 404",
        "/page.jpg": "must be a JPEG",
        "/cut.jpg": "whole and readable",
        "/empty.jpg": "must not be empty",
        "/big.jpg": "15,728,640 bytes",
        "/inside": "must lead to a public host",
    }
    pets_online["dogs"] += [*wrong, "ftp://host/x", "http://user:password@host/", "file:///etc/x"]
    status, got = imported(tmp_path / "out", lists(pets_online), *options)
    assert (status, sizes(got)) == (
        3,
        {"cats": 3, "dogs": 2},
    )
    said = told(tmp_path / "out")
    assert len(said) == len(wrong) + 3
    for path, why in wrong.items():
        assert why in said[site.url(path)]
    assert "must hold no password" in said["urls_dogs.txt, line 10"]
    assert "user:password" not in json.dumps(said)
    assert inside.asked == []


def test_what_fails_for_now_is_tried_again(site, rules):
    answers = iter([503, 429, 200])
    site.answers["/a.jpg"] = lambda: (next(answers), b"bytes", {}, None)
    assert found([site.url("/a.jpg")], rules)[site.url("/a.jpg")].read() == b"bytes"
    assert len(site.asked) == 3


def test_it_is_not_tried_forever_nor_what_fails_for_good(site, rules):
    site.add("/busy.jpg", status=503)
    got = found([site.url("/busy.jpg"), site.url("/gone.jpg")], rules)
    assert {str(each.refused.received) for each in got.values()} == {"status 503", "status 404"}
    assert sorted(site.asked) == ["/busy.jpg"] * 3 + ["/gone.jpg"]


def test_a_host_that_asks_to_wait_too_long_is_not_waited_for(site, rules):
    site.add("/a.jpg", status=429, headers={"Retry-After": "3600"})
    assert found([site.url("/a.jpg")], rules)[site.url("/a.jpg")].refused
    assert len(site.asked) == 1


def test_a_slow_host_keeps_no_other_waiting(site, rules):
    site.add("/slow.jpg", b"x" * 100, slow=0.1)
    site.add("/fast.jpg", b"bytes")
    names = tuple(f"{host}.test:{site.port}:127.0.0.1" for host in ("slow", "fast"))
    slow = [(site.url("/slow.jpg", "slow.test") + f"?{n}", "cats") for n in range(4)]
    for n in range(4):
        site.answers[f"/slow.jpg?{n}"] = site.answers["/slow.jpg"]
    wanted = [*slow, (site.url("/fast.jpg", "fast.test"), "cats")]
    changed = replace(rules, resolve=names, per_host=2, threads=4, seconds=0.4, tries=1)
    order = [each.source for each in download(wanted, rules=changed)]
    assert order[0] == wanted[-1][0]
    assert len(order) == 5


def test_no_more_of_a_host_is_asked_at_once_than_may_be(site, rules):
    now, most = [], []

    def answer():
        now.append(1)
        most.append(len(now))
        site.open.wait(0.02)
        now.pop()
        return 200, b"bytes", {}, None

    for n in range(12):
        site.answers[f"/{n}"] = answer
    assert len(found([site.url(f"/{n}") for n in range(12)], rules)) == 12
    assert max(most) == 2


def test_stopping_does_not_wait_for_what_is_slow(site, rules):
    site.add("/fast.jpg", b"bytes")
    for n in range(4):
        site.add(f"/slow{n}.jpg", b"x" * 1000, slow=1)
    wanted = [site.url("/fast.jpg"), *(site.url(f"/slow{n}.jpg") for n in range(4))]
    coming = download([(each, "cats") for each in wanted], rules=replace(rules, seconds=60))
    assert next(coming).read() == b"bytes"
    coming.close()
    assert len(site.asked) <= 4


def test_a_picture_shown_for_many_addresses_is_a_placeholder(
    site, lists, pets_online, options, tmp_path
):
    removed = jpeg(50)
    for number in range(6):
        site.add(f"/removed{number}.jpg", removed)
        pets_online["cats" if number % 2 else "dogs"].append(f"/removed{number}.jpg")
    path = lists(pets_online)
    status, got = imported(tmp_path / "out", path, *options, "--most-addresses=5")
    assert (status, sizes(got)) == (
        3,
        {"cats": 3, "dogs": 2},
    )
    assert {each.split(":")[0] for each in told(tmp_path / "out").values()} == {
        "A picture may come from 5 addresses"
    }
    assert len(told(tmp_path / "out")) == 6


def test_killed_and_started_again_it_asks_for_nothing_twice(site, lists, options, tmp_path):
    by_label = {"cats": [f"/{n}.jpg" for n in range(12)]}
    by_label["dogs"] = [f"/{n}.jpg" for n in range(12, 24)]
    for number in range(24):
        site.add(f"/{number}.jpg", jpeg(number))
    path, out = lists(by_label), tmp_path / "out"
    command = [sys.executable, "-m", "modeltrain", "import", str(path), f"--out={out}"]
    slowly = [*command, *options[:2], "--pause=0.2", "--per-host=1", "--json-progress"]
    with subprocess.Popen(slowly, cwd=ROOT, stdout=subprocess.PIPE) as run:
        for _ in range(4):
            run.stdout.readline()
        run.send_signal(signal.SIGKILL)
    assert not (out / "manifest.jsonl").exists()
    done = {line.removeprefix(site.url("")) for line in met(out)}
    assert 4 <= len(done) < 24
    site.asked.clear()
    status, got = imported(out, path, *options)
    assert (status, sizes(got)) == (
        0,
        {"cats": 12, "dogs": 12},
    )
    assert done.isdisjoint(site.asked)
    assert sorted(site.asked) == sorted({f"/{n}.jpg" for n in range(24)} - done)


def test_addresses_of_a_label_that_is_not_wanted_are_not_asked(
    site, lists, pets_online, options, tmp_path
):
    status, _ = imported(tmp_path / "out", lists(pets_online), *options, "--labels=cats,fish")
    assert status == 3
    assert sorted(site.asked) == ["/0.jpg", "/1.jpg", "/2.jpg"]


def test_class_folders_that_hold_texts_too_are_no_lists(pets):
    (pets / "readme.txt").write_text("Pets.")
    (pets / "cats" / "notes.txt").write_text("Cats.")
    assert sources.kind_of(pets) == "folders"


def test_a_folder_without_lists_is_refused(pets, rules):
    with pytest.raises(ImportRefused, match=r"LABEL/urls_LABEL\.txt"):
        sources.read(pets, kind="addresses", rules=rules)


def test_an_address_is_sent_as_it_may_be(site, lists, options, tmp_path):
    path = lists({"cats": ["/kätzchen (1).jpg?a=b%20c"], "dogs": []})
    (path / "cats" / "urls_cats.txt").write_text(site.url("/kätzchen_(1).jpg?a=b%20c\n"))
    imported(tmp_path / "out", path, *options)
    assert site.asked == ["/k%C3%A4tzchen_(1).jpg?a=b%20c"]
