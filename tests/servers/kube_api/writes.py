"""Creates, changes and deletes objects: what the server does with metadata, status, generation and finalizers."""

import secrets
from datetime import UTC, datetime
from typing import Any

import msgspec

from tests.servers.kube_api.errors import (
    Document,
    already_exists,
    bad_request,
    conflict,
    invalid_field,
    modified,
    not_found,
    other_record,
    other_uid,
    version_given,
    version_required,
)
from tests.servers.kube_api.ownership import Holdings, Operation, Owner, applied, updated, write_holdings
from tests.servers.kube_api.store import Collection, Key, Store

# Metadata that a write of a client does not change.
_SERVERS = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
)


class WriteOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to write.

    Attributes:
        manager: Who owns what is written.
        subresource: `status`, or empty for the object.
        force: Applies over the fields of others.
        dry_run: Nothing is stored.
    """

    manager: str = "unknown"
    subresource: str = ""
    force: bool = False
    dry_run: bool = False

    def owner(self, operation: Operation) -> Owner:
        """Return who will own what is written."""
        return Owner(self.manager, operation, self.subresource)


class Outcome(msgspec.Struct, frozen=True):
    """What a write came to: the object, and whether it is new."""

    object: Document
    created: bool = False


class Writer:
    """Writes to the objects of one kind.

    Args:
        store: Where they are.
        collection: They.
    """

    def __init__(self, store: Store, collection: Collection) -> None:
        self._store = store
        self._collection = collection
        self._kind = collection.kind

    def create(self, namespace: str, document: Document, options: WriteOptions) -> Document:
        """Create an object.

        Raises:
            ApiError: Its name is taken (409), it has none (422), or it is not one to create there (400).
        """
        metadata = self._metadata_of(document)
        self._check_place(document, namespace)
        if metadata.get("resourceVersion"):
            raise version_given()
        name = metadata.get("name") or self._generated(metadata)
        if (namespace, name) in self._collection.objects:
            raise already_exists(self._kind, name)
        new = self._fresh((namespace, name), document)
        return self._stored(None, new, updated(self._kind, None, new, options.owner("Update"), now()), options)

    def update(self, key: Key, document: Document, options: WriteOptions) -> Document:
        """Put an object in the place of the one that is there; with a subresource, only that part of it.

        Raises:
            ApiError: There is none (404), it is another one or of another version (409), or it may not be changed so
                (400, 422).
        """
        live = self.live(key)
        self._metadata_of(document)
        self._check_place(document, key[0])
        uid = live["metadata"]["uid"]
        if document["metadata"].get("uid", uid) != uid:
            raise other_uid(self._kind, key[1], document["metadata"]["uid"], uid)
        if not document["metadata"].get("resourceVersion") and not self._kind.unconditional:
            raise version_required(self._kind, key[1])
        return self.change(live, document, options)

    def change(self, live: Document, wanted: Document, options: WriteOptions) -> Document:
        """Store the changed form of an object, as a PUT or a patch has made it.

        Raises:
            ApiError: It may not be changed so (409, 422).
        """
        self._check_same(live, wanted, options)
        new = self._settled(live, wanted, options)
        holdings = updated(self._kind, live, new, options.owner("Update"), now())
        return self._stored(live, new, holdings, options)

    def apply(self, key: Key, intent: Document, options: WriteOptions) -> Outcome:
        """Create an object, or make it have what is intended.

        Raises:
            ApiError: Others own fields that would change, or it is another one (409); there is none to have the status
                (404); the intent cannot be taken (400).
        """
        metadata = self._metadata_of(intent)
        self._check_place(intent, key[0])
        if metadata.get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        self._check_name(metadata, key[1])
        live = self._collection.objects.get(key)
        if live is None:
            return Outcome(self._applied_first(key, intent, options), created=True)
        self._check_same(live, intent, options)
        owner = options.owner("Apply")
        wanted, holdings = applied(
            self._kind, live, self._intended(intent, options), owner, now=now(), force=options.force
        )
        return Outcome(self._stored(live, self._settled(live, wanted, options), holdings, options))

    def _applied_first(self, key: Key, intent: Document, options: WriteOptions) -> Document:
        uid = intent["metadata"].get("uid")
        if options.subresource:
            raise not_found(self._kind, key[1])
        if uid:
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise conflict(self._kind, key[1], why)
        new = self._fresh(key, self._intended(intent, options))
        new, holdings = applied(self._kind, None, new, options.owner("Apply"), now=now(), force=False)
        return self._stored(None, new, holdings, options)

    def delete(self, key: Key, preconditions: Document, options: WriteOptions) -> Outcome:
        """Delete an object, or mark it where it has finalizers.

        Returns:
            Its last state; `created` says that it is still there.

        Raises:
            ApiError: There is none (404), or it is not the one that is meant (409).
        """
        live = self.live(key)
        metadata = live["metadata"]
        for name, field in (("UID", "uid"), ("ResourceVersion", "resourceVersion")):
            wanted = preconditions.get(field)
            if wanted and wanted != metadata[field]:
                raise other_record(self._kind, key[1], name, wanted, metadata[field])
        if not metadata.get("finalizers"):
            return Outcome(live if options.dry_run else self._store.remove(self._collection, key))
        if metadata.get("deletionTimestamp"):
            return Outcome(live, created=True)
        marked = {**metadata, "deletionTimestamp": now(), "deletionGracePeriodSeconds": 0}
        if "generation" in marked:
            marked["generation"] += 1
        document = {**live, "metadata": marked}
        return Outcome(document if options.dry_run else self._store.put(self._collection, key, document), created=True)

    def place(self, namespace: str, document: Document, manager: str) -> Document:
        """Store an object as it is, status and all, whatever is there; another uid replaces what is there."""
        metadata = document["metadata"]
        key = (namespace, metadata["name"])
        live = self._collection.objects.get(key)
        if live is not None and metadata.get("uid", live["metadata"]["uid"]) != live["metadata"]["uid"]:
            self._store.remove(self._collection, key)
            live = None
        base = live or self._fresh(key, document)
        kept = {name: base["metadata"][name] for name in _SERVERS if name in base["metadata"]}
        given = {name: value for name, value in metadata.items() if name not in ("resourceVersion", "managedFields")}
        new = {"apiVersion": self._kind.api_version, "kind": self._kind.kind, **document}
        new["metadata"] = {**kept, **given}
        if live and "generation" in kept and _counted(new) != _counted(live):
            new["metadata"]["generation"] = kept["generation"] + 1
        holdings = updated(self._kind, live, new, Owner(manager, "Update"), now())
        new["metadata"]["managedFields"] = write_holdings(self._kind, holdings)
        return self._store.put(self._collection, key, new)

    def live(self, key: Key) -> Document:
        """Return the object that is there.

        Raises:
            ApiError: There is none (404).
        """
        found = self._collection.objects.get(key)
        if found is None:
            raise not_found(self._kind, key[1])
        return found

    def _metadata_of(self, document: Any) -> Document:
        """Return the metadata of a body that is an object of this kind."""
        kind = self._kind
        if not isinstance(document, dict) or not isinstance(document.get("metadata"), dict):
            raise bad_request("the body is no object with metadata")
        if (document.get("apiVersion"), document.get("kind")) != (kind.api_version, kind.kind):
            found = f"{document.get('apiVersion')}, Kind={document.get('kind')}"
            raise bad_request(f"the object provided ({found}) is no {kind.api_version}, Kind={kind.kind}")
        metadata: Document = document["metadata"]
        return metadata

    def _check_place(self, document: Document, namespace: str) -> None:
        if document["metadata"].get("namespace", namespace) != namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")

    def _check_name(self, metadata: Document, name: str) -> None:
        given = metadata.get("name", name)
        if given != name:
            raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")

    def _generated(self, metadata: Document) -> str:
        if not metadata.get("generateName"):
            raise invalid_field(self._kind, "", "metadata.name", "Required value: name or generateName is required")
        return f"{metadata['generateName']}{secrets.token_hex(3)[:5]}"

    def _check_same(self, live: Document, document: Document, options: WriteOptions) -> None:
        """Refuse what means another object than the one that is there, or an older version of it."""
        metadata, found = document["metadata"], live["metadata"]
        name: str = found["name"]
        self._check_name(metadata, name)
        # Seen on a real server: who patches the status of a custom resource may name any uid.
        blind = options.subresource and not self._kind.builtin
        if not blind and metadata.get("uid", found["uid"]) != found["uid"]:
            why = f'Invalid value: "{metadata["uid"]}": field is immutable'
            raise invalid_field(self._kind, name, "metadata.uid", why)
        if (metadata.get("resourceVersion") or found["resourceVersion"]) != found["resourceVersion"]:
            raise modified(self._kind, name)

    def _intended(self, intent: Document, options: WriteOptions) -> Document:
        """Return the part of an intent that is written: the status, or all else."""
        if not self._kind.status:
            return intent
        if not options.subresource:
            return {name: value for name, value in intent.items() if name != "status"}
        return {name: value for name, value in intent.items() if name in ("apiVersion", "kind", "status")}

    def _fresh(self, key: Key, document: Document) -> Document:
        """Return a new object with what the server alone says of it."""
        namespace, name = key
        given = {field: value for field, value in document["metadata"].items() if field not in _SERVERS}
        metadata = {
            "name": name,
            **({"namespace": namespace} if namespace else {}),
            "uid": self._store.next_uid(),
            "creationTimestamp": now(),
            **({"generation": 1} if self._kind.generation else {}),
            **given,
        }
        new = {**document, "metadata": _without_empty(metadata)}
        if self._kind.status:
            new.pop("status", None)
        return new

    def _settled(self, live: Document, wanted: Document, options: WriteOptions) -> Document:
        """Return what is to be there of what somebody wants to be there."""
        if options.subresource:
            return _with_status(live, wanted)
        new = _with_status(wanted, live) if self._kind.status else wanted
        found = live["metadata"]
        metadata = {name: value for name, value in new["metadata"].items() if name not in _SERVERS}
        metadata.update({name: found[name] for name in _SERVERS if name in found})
        added = set(metadata.get("finalizers") or ()) - set(found.get("finalizers") or ())
        if "deletionTimestamp" in found and added:
            names = ", ".join(f'"{name}"' for name in sorted(added))
            why = f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{names}}}"
            raise invalid_field(self._kind, found["name"], "metadata.finalizers", f"Forbidden: {why}")
        if "generation" in metadata and _counted(new) != _counted(live):
            metadata["generation"] += 1
        return {**new, "metadata": _without_empty(metadata)}

    def _stored(self, live: Document | None, new: Document, holdings: Holdings, options: WriteOptions) -> Document:
        """Store what has changed, and let go what was only held by its finalizers."""
        managed = write_holdings(self._kind, holdings)
        metadata = _without_empty({**new["metadata"], "managedFields": managed})
        new = {**new, "metadata": metadata}
        if options.dry_run:
            return new
        if live is not None and new == live:
            return live  # a write that changes nothing makes no version
        key = (metadata.get("namespace", ""), metadata["name"])
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            self._store.remove(self._collection, key, new)
            return new  # in the version that it had
        return self._store.put(self._collection, key, new)


def _with_status(document: Document, other: Document) -> Document:
    """Return an object with the status of another."""
    result = {name: value for name, value in document.items() if name != "status"}
    return {**result, "status": other["status"]} if "status" in other else result


def _without_empty(metadata: Document) -> Document:
    """Return metadata without lists and maps that hold nothing, which the server leaves out."""
    return {name: value for name, value in metadata.items() if value not in ([], {}, None)}


def _counted(document: Document) -> Document:
    """Return the part of an object of which its generation counts the changes."""
    return {name: value for name, value in document.items() if name not in ("metadata", "status")}


def now() -> str:
    """Return the time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
