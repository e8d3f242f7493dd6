"""NATS with JetStream: connections, streams, publication, work queues, and a server of our own. Needs the extra `nats`.

Only `address` and `server` can be imported without nats-py; everything else is imported by who has a queue.
"""
