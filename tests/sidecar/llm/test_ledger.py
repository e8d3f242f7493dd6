import json
import subprocess
import sys
import time
from pathlib import Path

from outrider.sidecar.llm.ledger import DAY, Entry, Ledger


def entry(number: int, moment: float = 1_790_000_000.0) -> Entry:
    return Entry(id=str(number), time=moment, agent="a", endpoint="chat", alias="d", outcome="whole", cost=number)


def wait(ledger: Ledger, count: int) -> list[Entry]:
    deadline = time.monotonic() + 10
    while len(found := list(ledger.entries())) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def test_what_was_added_is_there_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l")
    for number in range(1000):
        ledger.append(entry(number, 1_790_000_000.0 + number * 300))
    ledger.close()
    again = Ledger(tmp_path / "l")
    assert [one.cost for one in again.entries()] == list(range(1000))
    assert (
        len(list((tmp_path / "l").iterdir())) == 1 + 999 * 300 // DAY + (1_790_000_000 % DAY + 999 * 300 % DAY) // DAY
    )
    since = 1_790_000_000.0 + 500 * 300
    later = [one.time for one in again.entries(since)]
    assert min(later) == min(one.time for one in again.entries() if one.time // DAY == since // DAY)
    assert len(later) < 1000
    again.close()


def test_a_torn_line_costs_one_entry_and_a_repeated_one_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.append(entry(1))
    ledger.close()
    (path,) = tmp_path.glob("*.jsonl")
    path.write_bytes(path.read_bytes() * 2 + b'{"id": "2", "ti')
    again = Ledger(tmp_path)
    again.append(entry(3))
    assert [one.id for one in wait(again, 2)] == ["1", "3"]
    again.close()


def test_what_the_disk_does_not_take_stays_and_is_written_later(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    blocked = tmp_path / f"{time.strftime('%Y-%m-%d', time.gmtime(entry(1).time))}.jsonl"
    blocked.mkdir()
    ledger.append(entry(1))
    deadline = time.monotonic() + 10
    while not ledger.problem:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    ledger.append(entry(2))
    blocked.rmdir()
    assert [one.id for one in wait(ledger, 2)] == ["1", "2"]
    while ledger.problem:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    ledger.close()


def test_a_line_stands_once_although_the_disk_took_a_part_of_it(tmp_path: Path) -> None:
    program = (
        "import resource, sys, time; from pathlib import Path\n"
        "from outrider.sidecar.llm.ledger import Entry, Ledger\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "ledger = Ledger(Path(sys.argv[1]))\n"
        "for number in range(20):\n"
        "    ledger.append(Entry(id=str(number), time=1.79e9, agent='a', endpoint='chat', alias='d', outcome='whole', cost=1))\n"
        "while not ledger.problem: time.sleep(0.01)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "while ledger.problem: time.sleep(0.01)\n"
        "ledger.close()\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=30)
    (path,) = tmp_path.glob("*.jsonl")
    assert [json.loads(line)["id"] for line in path.read_bytes().splitlines()] == [str(number) for number in range(20)]
