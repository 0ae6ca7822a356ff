-- The protocol of the last session: from 2 on the next hello is slim.
ALTER TABLE link_state ADD COLUMN protocol INTEGER NOT NULL DEFAULT 1;
