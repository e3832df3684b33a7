SELECT * FROM v_artifacts
WHERE ($1::uuid IS NULL OR workspace_id = $1) AND ($2::uuid IS NULL OR id < $2) AND ($3::text IS NULL OR kind = $3)
  AND ($4::text IS NULL OR name = $4) AND ($5::text IS NULL OR owner_id = $5) AND ($7::uuid IS NULL OR run_id = $7)
  AND ($8::integer IS NULL OR n = $8)
ORDER BY id DESC LIMIT $6
