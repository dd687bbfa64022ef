"""What labelled lines say: AUC, AP and recall of boosting and of the families' aggregate forms, cross-validated.

`python -m benchmarks.quality.line_features` writes benchmarks/results/line_features.json and prints its table. The
labelled lines (2020 Digital Sichuan) are not part of the project: DETECTOR_REAL_DATA names their folder.
"""

import os
import sys
from pathlib import Path

import msgspec

from models.line_features import Assessment, assess, read_lines

RESULT = Path(__file__).parents[1] / "results" / "line_features.json"
SEED = 7


def labelled_lines() -> Path:
    """Where they are: in DETECTOR_REAL_DATA, default ../shared/data beside the project."""
    default = Path(__file__).parents[3] / "shared" / "data"
    return Path(os.environ.get("DETECTOR_REAL_DATA") or default) / "sichuan_voc_feat_dev.csv.gz"


def run(repeats: int = 3) -> Assessment:
    """The whole assessment; progress goes to stderr."""
    lines = read_lines(labelled_lines())
    return assess(lines, None, SEED, lambda share, _: print(f"{share:.0%}", file=sys.stderr), repeats)


def main() -> None:
    """Run, write the result, print the table."""
    result = run()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    print(result.as_text())


if __name__ == "__main__":
    main()
