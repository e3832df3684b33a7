-- Whose a lease is, if it is the present one; nobody settles it before this transaction is over.
SELECT workspace_id FROM leases
WHERE run_id = $1 AND n = $2 AND attempt = $3 AND lease = $4 AND ($5::uuid IS NULL OR workspace_id = $5)
FOR KEY SHARE
