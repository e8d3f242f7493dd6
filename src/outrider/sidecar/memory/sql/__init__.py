"""The stores as SQL that SQLite and PostgreSQL both read; each brings its database, and its own way to near vectors."""
