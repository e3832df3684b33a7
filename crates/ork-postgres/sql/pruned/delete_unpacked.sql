-- By place, which does not change: nobody updates what belonged to a run that is gone.
DELETE FROM unpacked_logs WHERE ctid = ANY (ARRAY(SELECT ctid FROM unpacked_logs WHERE run_id = ANY ($1::uuid[]) LIMIT $2))
