SELECT * FROM v_tasks
WHERE run_id = $1 AND ($2::uuid IS NULL OR workspace_id = $2)
  AND ($3::integer IS NULL OR n > $3) AND ($4::integer IS NULL OR g = $4)
  AND ($5::text[] IS NULL OR status = ANY ($5))
ORDER BY n LIMIT $6
