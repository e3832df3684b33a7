-- Those whose bytes were left a moment ago: nobody adds any to a run of which nothing is to be packed any more.
DELETE FROM log_parts
WHERE (run_id, n, attempt, start) IN (
    SELECT run_id, n, attempt, start FROM log_parts WHERE run_id = ANY ($1::uuid[]) ORDER BY run_id, n, attempt, start LIMIT $2)
