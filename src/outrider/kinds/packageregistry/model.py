from outrider.core.package_registries import PackageRegistrySpec

__all__ = ["PackageRegistrySpec"]
