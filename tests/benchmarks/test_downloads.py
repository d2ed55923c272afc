"""What `downloads kills` says of requests is counted rightly."""

from typing import Any

from tests.benchmarks.downloads import Run, overlaps


def test_what_a_download_asks_for_again_is_told_process_by_process() -> None:
    """A start that happens to be right for another process is wrong for this one."""

    def row(at: float, start: int | None, sent: int) -> dict[str, Any]:
        return {"time": at, "start": start, "sent": sent}

    runs = [
        Run(0, 1.0, 2.0, [row(1.5, 5_000_000, 1000), row(1.1, None, 5_000_000)]),
        Run(5_000_900, 3.0, 4.0, [row(3.1, 0, 7)]),
        Run(6_000_000, 5.0, 6.0, []),
    ]
    assert overlaps(runs) == ([0, 5_000_900], [0])
