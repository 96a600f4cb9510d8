"""Check a downloaded ledger. Python 3.8 or newer, nothing else.

    python3 check_ledger.py ledger.jsonl
    python3 check_ledger.py ledger.jsonl --head HASH     # a hash that you noted earlier

Names every entry that was changed, dropped or moved, and exits 1; exits 0 when there is none. That
newest entries were cut off, or all written anew, shows only with a hash from earlier.
"""

import argparse
import hashlib
import json
import sys


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def check(lines, head):
    """Every problem found, and the newest entry's hash."""
    found, last, hashes, follows = [], 0, {0: "0" * 64}, {}
    for line in lines:
        try:
            entry = json.loads(line)
            number, said = int(entry["number"]), entry.pop("hash")
            right = hashlib.sha256(canonical(entry).encode()).hexdigest()
            whole = said == right and line == canonical({**entry, "hash": said})
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            found.append(f"The line after entry {last} is not an entry.")
            continue
        if not whole:
            found.append(f"Entry {number} was changed: its hash is not that of its content.")
        if number in hashes:
            found.append(f"Entry {number} stands there twice.")
        elif number < last:
            found.append(f"Entry {number} was moved: it stands after entry {last}.")
        hashes[number], follows[number], last = said, entry.get("previous"), number
    numbers = sorted(hashes)
    for before, number in zip(numbers, numbers[1:]):
        if number > before + 1:
            found.append(f"Entries {before + 1} to {number - 1} are missing.")
        elif follows[number] != hashes[before]:
            found.append(f"Entry {number} does not follow {before}: one of them was replaced.")
    if head and head not in hashes.values():
        found.append("The noted hash is not here: entries were cut off, or all written anew.")
    return found, hashes[numbers[-1]]


parser = argparse.ArgumentParser()
parser.add_argument("ledger")
parser.add_argument("--head", help="an entry's hash, noted earlier")
args = parser.parse_args()
with open(args.ledger, encoding="utf-8", errors="replace", newline="\n") as file:
    *lines, rest = file.read().split("\n")
found, newest = check(lines, args.head)
found += ["The file is empty, or its last line is cut."] if rest or not lines else []
sys.exit("\n".join(found) or print(f"{len(lines)} entries, unbroken. The newest hash: {newest}"))
