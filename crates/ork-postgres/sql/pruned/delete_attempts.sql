-- By place, which does not change: nothing ever updates these rows.
DELETE FROM attempts WHERE ctid = ANY (ARRAY(SELECT ctid FROM attempts WHERE run_id = $1 LIMIT $2))
