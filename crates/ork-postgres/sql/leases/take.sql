-- The fence: whoever deletes the lease settles the attempt. Their locks are ours (`leases/lock`).
DELETE FROM leases WHERE ctid = ANY ($1::text[]::tid[])
