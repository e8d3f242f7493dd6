"""Git repositories at their servers, by the `git` program."""

from outrider.ports.git.branch import Branch, fetched
from outrider.ports.git.commits import fetched_commit
from outrider.ports.git.remote import BranchName, Remote

__all__ = ["Branch", "BranchName", "Remote", "fetched", "fetched_commit"]
