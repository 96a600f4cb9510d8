"""Check a downloaded ledger. Needs Python 3.8 or newer and nothing else.

    python3 check_ledger.py ledger.jsonl
    python3 check_ledger.py ledger.jsonl --head HASH     # a hash that you noted earlier

Names every entry that was changed, removed or moved and exits with 1, or exits with 0 if there is
none. Only an earlier hash shows that the newest entries were cut off, or that all were rewritten.
"""

import argparse
import hashlib
import json
import sys


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def check(lines, noted_hash):
    """Return a list of problems, and the hash of the newest entry."""
    problems, last, hashes, previous_hashes = [], 0, {0: "0" * 64}, {}
    for line in lines:
        try:
            entry = json.loads(line)
            number, stated_hash = int(entry["number"]), entry.pop("hash")
            computed_hash = hashlib.sha256(canonical(entry).encode()).hexdigest()
            is_canonical = line == canonical({**entry, "hash": stated_hash})
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            problems.append(f"The line after entry {last} is not an entry.")
            continue
        if stated_hash != computed_hash or not is_canonical:
            problems.append(f"Entry {number} was changed: its hash is not that of its content.")
        if number in hashes:
            problems.append(f"Entry {number} appears twice.")
        elif number < last:
            problems.append(f"Entry {number} was moved: it comes after entry {last}.")
        hashes[number], previous_hashes[number], last = stated_hash, entry.get("previous"), number
    numbers = sorted(hashes)
    for before, number in zip(numbers, numbers[1:]):
        if number > before + 1:
            problems.append(f"Entries {before + 1} to {number - 1} are missing.")
        elif previous_hashes[number] != hashes[before]:
            problems.append(f"Entry {number} does not follow {before}: one of them was replaced.")
    if noted_hash and noted_hash not in hashes.values():
        problems.append("No entry has the noted hash: entries were cut off, or all were rewritten.")
    return problems, hashes[numbers[-1]]


parser = argparse.ArgumentParser()
parser.add_argument("ledger")
parser.add_argument("--head", help="the hash of an entry, noted earlier")
args = parser.parse_args()
with open(args.ledger, encoding="utf-8", errors="replace", newline="\n") as file:
    *lines, rest = file.read().split("\n")
problems, newest = check(lines, args.head)
problems += ["The file is empty, or its last line is cut off."] if rest or not lines else []
sys.exit("\n".join(problems) or print(f"{len(lines)} entries, unbroken. The newest hash: {newest}"))
