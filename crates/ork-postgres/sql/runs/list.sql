-- Each filter that is not asked for is NULL. The id's order is the order of creation.
SELECT * FROM v_runs
WHERE ($1::uuid IS NULL OR workspace_id = $1)
  AND ($2::uuid IS NULL OR id < $2)
  AND ($3::text IS NULL OR name = $3)
  AND ($4::text[] IS NULL OR status = ANY ($4))
  AND ($5::text IS NULL OR EXISTS (SELECT 1 FROM run_labels w WHERE w.run_id = v_runs.id AND w.key = $5 AND w.value = $6::text))
ORDER BY id DESC
LIMIT $7
