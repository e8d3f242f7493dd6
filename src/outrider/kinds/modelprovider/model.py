from outrider.core.model_endpoints import ModelEndpoint


class ModelProviderSpec(ModelEndpoint, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A server that answers for models; routes name it with `ref`. Without `provider` its name is that of the object."""
