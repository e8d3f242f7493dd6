"""Translation between the dialects of model providers: pure functions, used where a fallback crosses dialects."""
