from outrider.core.package_updates import PackageUpdatesSpec

__all__ = ["PackageUpdatesSpec"]
