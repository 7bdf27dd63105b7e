"""What the verdict finds in generated records with one fault each, and how often it raises a false alarm.

    python benchmarks/verdict.py                  the corpus of tests/results, as the tests hold it
    python benchmarks/verdict.py --seeds 200      more clean records of every board

A record counts as found where the verdict is SUSPECT or INVALID, and as named where a reason has the fault's own code.
Clean records have the noise of quiet boards: a fault that is found there is a false alarm.
"""

import argparse
import sys
from pathlib import Path

from sis_edge.text.tables import as_text

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from results import corpus


def main() -> None:
    """Print both tables, and the totals that the tests hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=corpus.CLEAN_SEEDS, help="clean records of each board")
    arguments = parser.parse_args()
    faults, missed = corpus.recall()
    boards, alarms = corpus.false_alarms(arguments.seeds)
    found_of = [[name, str(score.records), str(score.alarms), str(score.named)] for name, score in faults.items()]
    alarms_of = [[board, str(score.records), str(score.alarms)] for board, score in boards.items()]
    print(as_text(("fault", "records", "found", "named"), found_of))
    print()
    print(as_text(("board", "clean", "alarms"), alarms_of))
    total, clean = (sum(score.records for score in scores.values()) for scores in (faults, boards))
    found, wrong = (sum(score.alarms for score in scores.values()) for scores in (faults, boards))
    print(f"\nfound {found} of {total} ({found / total:.1%}), false alarms {wrong} of {clean} ({wrong / clean:.1%})")
    for line in [*missed, *alarms]:
        print(line)


if __name__ == "__main__":
    main()
