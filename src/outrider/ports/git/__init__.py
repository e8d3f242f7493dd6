"""Git repositories at their servers, by the `git` program."""

from outrider.ports.git.branch import Branch, fetched
from outrider.ports.git.commit import Commit, fetched_commit, is_commit, references, revision
from outrider.ports.git.remote import BranchName, Remote

__all__ = [
    "Branch",
    "BranchName",
    "Commit",
    "Remote",
    "fetched",
    "fetched_commit",
    "is_commit",
    "references",
    "revision",
]
