DELETE FROM event_requests WHERE ctid = ANY (ARRAY(SELECT ctid FROM event_requests WHERE run_id = ANY ($1::uuid[]) LIMIT $2))
