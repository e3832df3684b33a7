-- By place, which does not change: nobody updates what belonged to a run that is gone.
DELETE FROM log_parts WHERE ctid = ANY (ARRAY(SELECT ctid FROM log_parts WHERE run_id = ANY ($1::uuid[]) LIMIT $2))
