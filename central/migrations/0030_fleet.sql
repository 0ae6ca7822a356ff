-- What every node last said about itself, and what the centre last knew about its link.
CREATE TABLE fleet_nodes (
    node_id TEXT PRIMARY KEY,
    boot_id BLOB NOT NULL,
    software_version TEXT NOT NULL,
    service INTEGER NOT NULL,          -- ServiceState
    service_version TEXT NOT NULL,
    queue_entries INTEGER NOT NULL,
    queue_bytes INTEGER NOT NULL,
    free_bytes INTEGER NOT NULL,
    national_size INTEGER NOT NULL,    -- national entries that the node holds durably
    clock_offset_seconds REAL NOT NULL,
    attempts INTEGER NOT NULL,         -- before the present or last session
    exercise INTEGER NOT NULL,
    behind_since TEXT,                 -- wall clock since when something was outstanding; or NULL
    hello_time TEXT NOT NULL,          -- wall clock, RFC 3339
    seen_time TEXT NOT NULL            -- wall clock, RFC 3339
);
