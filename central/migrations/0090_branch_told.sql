-- Under which decision, and in which newest epoch of the node, a machine was first told to go on.
ALTER TABLE branches ADD COLUMN told_resolution TEXT NOT NULL DEFAULT '';
ALTER TABLE branches ADD COLUMN told_epoch BLOB NOT NULL DEFAULT x'';
