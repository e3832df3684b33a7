-- The fence: whoever deletes the lease settles the attempt. It was read in this transaction: RETURNING would build a table
-- for its one row each time.
DELETE FROM leases WHERE run_id = ?1 AND n = ?2
