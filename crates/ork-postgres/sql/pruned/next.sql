-- Another janitor has its own ones.
SELECT run_id FROM pruned_runs WHERE NOT swept ORDER BY run_id LIMIT $1 FOR UPDATE SKIP LOCKED
