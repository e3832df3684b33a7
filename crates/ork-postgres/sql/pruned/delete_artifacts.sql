-- Those whose bytes were left a moment ago: nobody adds any to a run that is gone.
DELETE FROM artifacts
WHERE id IN (SELECT id FROM artifacts WHERE run_id = ANY ($1::uuid[]) ORDER BY run_id, id LIMIT $2)
