-- Each filter that is not asked for is NULL, or false. The id's order is the order of creation.
SELECT * FROM v_runs
WHERE ($1::uuid IS NULL OR workspace_id = $1)
  AND ($2::uuid IS NULL OR id < $2)
  AND ($3::text IS NULL OR name = $3)
  AND ($4::text[] IS NULL OR status = ANY ($4))
  AND ($5::text[] IS NULL OR NOT EXISTS (
        SELECT 1 FROM unnest($5, $6::text[]) AS wanted (key, value)
        WHERE NOT EXISTS (SELECT 1 FROM run_labels w WHERE w.run_id = v_runs.id AND w.key = wanted.key AND w.value = wanted.value)))
  AND (NOT $7::boolean OR held)
  AND (NOT $8::boolean OR EXISTS (SELECT 1 FROM delayed d WHERE d.run_id = v_runs.id))
  AND (NOT $17::boolean OR (finished_at IS NOT NULL AND acknowledged_at IS NULL))
  AND ($9::bigint IS NULL OR created_at >= $9)
  AND ($10::bigint IS NULL OR created_at < $10)
  AND ($11::bigint IS NULL OR started_at >= $11)
  AND ($12::bigint IS NULL OR started_at < $12)
  AND ($13::bigint IS NULL OR finished_at >= $13)
  AND ($14::bigint IS NULL OR finished_at < $14)
  AND ($16::text IS NULL OR owner_id = $16)
ORDER BY id DESC
LIMIT $15
