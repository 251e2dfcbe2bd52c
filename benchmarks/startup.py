"""Seconds until the command line and the package are there: median of several fresh processes.

python benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

LINES = {
    "tabular-fusion --help": "import sys; sys.argv = ['tabular-fusion', '--help']; from automl.cli import main; main()",
    "import automl": "import automl",
    "from automl import fit": "from automl import fit",
    "python alone": "pass",
}


def main() -> None:
    print("| command | median s of 9 | most |")
    print("|---|---|---|")
    for name, code in LINES.items():
        seconds = []
        for _ in range(9):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
            seconds.append(time.perf_counter() - started)
        print(f"| {name} | {statistics.median(seconds):.2f} | {max(seconds):.2f} |")


if __name__ == "__main__":
    main()
