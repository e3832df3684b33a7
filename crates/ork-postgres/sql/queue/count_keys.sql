SELECT (SELECT count(*) FROM ready q WHERE q.workspace_id = $1 AND q.concurrency_key = $2)
     + (SELECT count(*) FROM leases l WHERE l.workspace_id = $1 AND l.concurrency_key = $2)
