-- A run that had nothing to decide is a line of the log too: those kept so far are indexed now.
UPDATE reconciliations SET indexed = 0 WHERE id NOT IN (SELECT run FROM recon_entries);
