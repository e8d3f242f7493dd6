"""The SDKs that speak to Amazon Bedrock and Azure OpenAI, and botocore beneath them."""

from pathlib import Path

ENVIRONMENTS = {"bedrock": Path(__file__).parent / "requirements-bedrock.txt"}
