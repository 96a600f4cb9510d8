"""Lists of addresses become a dataset; every address is taken or refused, and requested once."""

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
from modeltrain.importing.fetch import FetchRules
from modeltrain.importing.items import ImportRefused
from tests.modeltrain.importing.conftest import LABELS, journal_lines, jpeg, left_out, run_import

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def rules(site):
    loopback = (ipaddress.ip_network("127.0.0.1/32"),)
    return FetchRules(pause=0, wait=0, seconds=5, ports=(site.port,), allowed=loopback)


@pytest.fixture
def lists(site, tmp_path):
    """Write one list per label, in the layout of the scraper."""

    def write(by_label):
        for label, paths in by_label.items():
            folder = tmp_path / "raw_data" / label
            folder.mkdir(parents=True, exist_ok=True)
            lines = [path if "://" in path else site.url(path) for path in paths]
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


def sizes(taken):
    return {label: len(images) for label, images in taken.items()}


def download_all(urls, rules):
    return {item.source: item for item in download([(url, "cats") for url in urls], rules=rules)}


def test_lists_of_addresses_are_imported(site, lists, pets_online, options, tmp_path):
    status, taken = run_import(tmp_path / "out", lists(pets_online), *options)
    assert status == 0
    assert taken == {
        label: {site.url(path) for path in paths} for label, paths in pets_online.items()
    }


def test_one_file_per_label_is_enough(site, pets_online, options, tmp_path):
    (tmp_path / "lists").mkdir()
    for label, paths in pets_online.items():
        text = "# pets\r\n\r\n" + "\r\n".join(site.url(path) for path in paths)
        (tmp_path / "lists" / f"{label}.txt").write_text(text)
    status, taken = run_import(tmp_path / "out", tmp_path / "lists", *options)
    assert (status, sizes(taken)) == (
        0,
        {"cats": 3, "dogs": 2},
    )


def test_a_repeated_address_is_requested_once(site, lists, pets_online, options, tmp_path):
    pets_online["cats"] += ["/0.jpg", site.url("/0.jpg") + "#part"]
    status, _ = run_import(tmp_path / "out", lists(pets_online), *options)
    assert (status, sorted(site.requests)) == (0, [f"/{n}.jpg" for n in range(5)])


def test_every_failure_is_recorded_by_address(
    site, internal_site, lists, pets_online, options, tmp_path
):
    site.add("/page.jpg", b"<html>not found</html>")
    site.add("/cut.jpg", jpeg(9)[:300])
    site.add("/empty.jpg")
    site.add("/big.jpg", b"x" * (15 * 2**20 + 1))
    site.add("/inside", status=302, headers={"Location": internal_site.url("/secret", "127.0.0.2")})
    wrong = {
        "/gone.jpg": "status 404",
        "/page.jpg": "must be a JPEG",
        "/cut.jpg": "whole and readable",
        "/empty.jpg": "must not be empty",
        "/big.jpg": "15,728,640 bytes",
        "/inside": "must lead to a public host",
    }
    pets_online["dogs"] += [*wrong, "ftp://host/x", "http://user:password@host/", "file:///etc/x"]
    status, taken = run_import(tmp_path / "out", lists(pets_online), *options)
    assert (status, sizes(taken)) == (
        3,
        {"cats": 3, "dogs": 2},
    )
    reasons = left_out(tmp_path / "out")
    assert len(reasons) == len(wrong) + 3
    for path, reason in wrong.items():
        assert reason in reasons[site.url(path)]
    assert "must hold no password" in reasons["urls_dogs.txt, line 10"]
    assert "user:password" not in json.dumps(reasons)
    assert internal_site.requests == []


def test_a_temporary_failure_is_retried(site, rules):
    statuses = iter([503, 429, 200])
    site.responses["/a.jpg"] = lambda: (next(statuses), b"bytes", {}, None)
    assert download_all([site.url("/a.jpg")], rules)[site.url("/a.jpg")].read() == b"bytes"
    assert len(site.requests) == 3


def test_retries_are_limited_and_permanent_failures_are_not_retried(site, rules):
    site.add("/busy.jpg", status=503)
    items = download_all([site.url("/busy.jpg"), site.url("/gone.jpg")], rules)
    assert {item.refused.received for item in items.values()} == {"status 503", "status 404"}
    assert sorted(site.requests) == ["/busy.jpg"] * 3 + ["/gone.jpg"]


def test_a_host_that_asks_to_wait_too_long_is_not_waited_for(site, rules):
    site.add("/a.jpg", status=429, headers={"Retry-After": "3600"})
    assert download_all([site.url("/a.jpg")], rules)[site.url("/a.jpg")].refused
    assert len(site.requests) == 1


def test_a_slow_host_does_not_delay_others(site, rules):
    site.add("/slow.jpg", b"x" * 100, slow=0.1)
    site.add("/fast.jpg", b"bytes")
    names = tuple(f"{host}.test:{site.port}:127.0.0.1" for host in ("slow", "fast"))
    slow = [(site.url("/slow.jpg", "slow.test") + f"?{n}", "cats") for n in range(4)]
    for n in range(4):
        site.responses[f"/slow.jpg?{n}"] = site.responses["/slow.jpg"]
    addresses = [*slow, (site.url("/fast.jpg", "fast.test"), "cats")]
    rules = replace(rules, resolve=names, per_host=2, threads=4, seconds=0.4, tries=1)
    order = [item.source for item in download(addresses, rules=rules)]
    assert order[0] == addresses[-1][0]
    assert len(order) == 5


def test_a_host_receives_no_more_requests_at_once_than_allowed(site, rules):
    open_requests, counts = [], []

    def respond():
        open_requests.append(1)
        counts.append(len(open_requests))
        site.closing.wait(0.02)
        open_requests.pop()
        return 200, b"bytes", {}, None

    for n in range(12):
        site.responses[f"/{n}"] = respond
    assert len(download_all([site.url(f"/{n}") for n in range(12)], rules)) == 12
    assert max(counts) == 2


def test_stopping_does_not_wait_for_slow_responses(site, rules):
    site.add("/fast.jpg", b"bytes")
    for n in range(4):
        site.add(f"/slow{n}.jpg", b"x" * 1000, slow=1)
    urls = [site.url("/fast.jpg"), *(site.url(f"/slow{n}.jpg") for n in range(4))]
    items = download([(url, "cats") for url in urls], rules=replace(rules, seconds=60))
    assert next(items).read() == b"bytes"
    items.close()
    assert len(site.requests) <= 4


def test_an_image_from_many_addresses_is_a_placeholder(site, lists, pets_online, options, tmp_path):
    removed = jpeg(50)
    for number in range(6):
        site.add(f"/removed{number}.jpg", removed)
        pets_online["cats" if number % 2 else "dogs"].append(f"/removed{number}.jpg")
    path = lists(pets_online)
    status, taken = run_import(tmp_path / "out", path, *options, "--most-addresses=5")
    assert (status, sizes(taken)) == (
        3,
        {"cats": 3, "dogs": 2},
    )
    assert {reason.split(":")[0] for reason in left_out(tmp_path / "out").values()} == {
        "An image may come from 5 addresses"
    }
    assert len(left_out(tmp_path / "out")) == 6


def test_a_killed_and_resumed_run_requests_nothing_twice(site, lists, options, tmp_path):
    by_label = {"cats": [f"/{n}.jpg" for n in range(12)]}
    by_label["dogs"] = [f"/{n}.jpg" for n in range(12, 24)]
    for number in range(24):
        site.add(f"/{number}.jpg", jpeg(number))
    path, out = lists(by_label), tmp_path / "out"
    command = [sys.executable, "-m", "modeltrain", "import", str(path), f"--out={out}"]
    slow_command = [*command, *options[:2], "--pause=0.2", "--per-host=1", "--json-progress"]
    with subprocess.Popen(slow_command, cwd=ROOT, stdout=subprocess.PIPE) as run:
        for _ in range(4):
            run.stdout.readline()
        run.send_signal(signal.SIGKILL)
    assert not (out / "manifest.jsonl").exists()
    recorded = {line.removeprefix(site.url("")) for line in journal_lines(out)}
    assert 4 <= len(recorded) < 24
    site.requests.clear()
    status, taken = run_import(out, path, *options)
    assert (status, sizes(taken)) == (
        0,
        {"cats": 12, "dogs": 12},
    )
    assert recorded.isdisjoint(site.requests)
    assert sorted(site.requests) == sorted({f"/{n}.jpg" for n in range(24)} - recorded)


def test_addresses_of_other_labels_are_not_requested(site, lists, pets_online, options, tmp_path):
    status, _ = run_import(tmp_path / "out", lists(pets_online), *options, "--labels=cats,fish")
    assert status == 3
    assert sorted(site.requests) == ["/0.jpg", "/1.jpg", "/2.jpg"]


def test_class_folders_with_text_files_are_not_lists(pets):
    (pets / "readme.txt").write_text("Pets.")
    (pets / "cats" / "notes.txt").write_text("Cats.")
    assert sources.kind_of(pets) == "folders"


def test_a_folder_without_lists_is_refused(pets, rules):
    with pytest.raises(ImportRefused, match=r"LABEL/urls_LABEL\.txt"):
        sources.read(pets, kind="addresses", rules=rules)


def test_an_address_is_requested_percent_encoded(site, lists, options, tmp_path):
    path = lists({"cats": ["/kätzchen (1).jpg?a=b%20c"], "dogs": []})
    (path / "cats" / "urls_cats.txt").write_text(site.url("/kätzchen_(1).jpg?a=b%20c\n"))
    run_import(tmp_path / "out", path, *options)
    assert site.requests == ["/k%C3%A4tzchen_(1).jpg?a=b%20c"]
