-- By place, which does not change: nobody updates what belonged to a run that is gone.
DELETE FROM saved_works WHERE ctid = ANY (ARRAY(SELECT ctid FROM saved_works WHERE run_id = ANY ($1::uuid[]) LIMIT $2))
