"""Tools as services really define them, and searches over them."""

from typing import Any

from outrider.core.tool_settings import ToolSearchSettings
from outrider.sidecar.tools.search.meaning import Meaning
from outrider.sidecar.tools.search.server import ToolSearch


def tool(name: str, description: str, /, **properties: str) -> dict[str, Any]:
    """Return a definition, with what is said of each argument."""
    found = {key: {"type": "string", "description": said} for key, said in properties.items()}
    return {"name": name, "description": description, "inputSchema": {"type": "object", "properties": found}}


TOOLS = [
    tool("issues_create", "Create an issue\n\nAny user with pull access to a repository can create an issue.", title="The title of the issue.", body="The contents of the issue."),
    tool("issues_list-for-repo", "List repository issues\n\nOnly open issues are listed.", milestone="Number of a milestone."),
    tool("issues_create-comment", "Create an issue comment\n\nEvery pull request is an issue, too.", issue_number="The number that identifies the issue."),
    tool("reactions_create-for-issue", "Create reaction for an issue", content="The reaction type to add to the issue."),
    tool("pulls_merge", "Merge a pull request\n\nMerges a pull request into the base branch.", merge_method="The merge method to use."),
    tool("pulls_list", "List pull requests\n\nLists pull requests of a repository.", state="Either open, closed, or all."),
    tool("actions_cancelWorkflowRun", "Cancel a workflow run\n\nThe token needs the repo scope.", run_id="The unique identifier of the workflow run."),
    tool("actions_listArtifacts", "List artifacts", name="The name of the branches whose artifacts are listed."),
    tool("getPetById", "Find pet by ID", petId="ID of pet to return"),
    tool("user_lookup", "", email="Address of the person who is looked for."),
]  # fmt: skip


def search(up_to: int = 3, meaning: Meaning | None = None) -> ToolSearch:
    """Return a search."""
    return ToolSearch(ToolSearchSettings(list_up_to=up_to), meaning)


def names(result: dict[str, Any]) -> list[str]:
    """Return the names of what was found."""
    assert result.get("isError") is False, result
    return [one["name"] for one in result["structuredContent"]["tools"]]
