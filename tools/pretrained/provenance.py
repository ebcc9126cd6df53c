"""How pretrained weights are made: the command and the revision of the sources."""

import subprocess

from benchmarks.harness import ROOT

COMMAND = "make weights"


def source_revision() -> str:
    """Return the Git commit of the sources, with ``-dirty`` if the package differs from it."""

    def git(*arguments: str) -> str:
        result = subprocess.run(
            ["git", *arguments],  # noqa: S607  # the first git on the path
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        return result.stdout.strip()

    # The tools write the assets themselves.
    changed = git("status", "--porcelain", "--", "src", ":!src/mnistcnn/assets")
    return git("rev-parse", "HEAD") + ("-dirty" if changed else "")
