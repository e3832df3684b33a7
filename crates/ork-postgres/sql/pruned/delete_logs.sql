-- By place, which does not change: nothing ever updates these rows.
DELETE FROM logs WHERE ctid = ANY (ARRAY(SELECT ctid FROM logs WHERE run_id = $1 LIMIT $2))
