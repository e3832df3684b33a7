DELETE FROM seals WHERE ctid = ANY (ARRAY(SELECT ctid FROM seals WHERE run_id = ANY ($1::uuid[]) LIMIT $2))
