SELECT (SELECT count(*) FROM ready WHERE workspace_id = ?1 AND concurrency_key = ?2)
     + (SELECT count(*) FROM leases WHERE workspace_id = ?1 AND concurrency_key = ?2)
