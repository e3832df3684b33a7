-- By place, which does not change: nobody updates what belonged to a run that is gone.
DELETE FROM gates WHERE ctid = ANY (ARRAY(SELECT ctid FROM gates WHERE run_id = ANY ($1::uuid[]) LIMIT $2))
